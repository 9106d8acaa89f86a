//! The gauges of cases, which every process of the worker reads now and then.

use despatch_domain::Queue;
use despatch_runtime::SqlGauge;

/// Open, unclaimed and overdue cases by queue, and the orders of a week that needed a person.
pub(crate) fn gauges() -> [SqlGauge; 4] {
    let by_queue = |name, sql| {
        let queues = Queue::ALL.iter().map(|queue| queue.name()).collect();
        SqlGauge { name, unit: "", label: Some(("queue", queues)), sql }
    };
    [
        by_queue(
            "despatch.cases_open",
            "select queue, count(*)::float8 from exceptions.exception where not closed group by queue",
        ),
        by_queue(
            "despatch.cases_unclaimed",
            "select queue, count(*)::float8 from exceptions.exception
              where not closed and state = 'open' group by queue",
        ),
        by_queue(
            "despatch.cases_overdue",
            "select queue, count(*)::float8 from exceptions.exception
              where state <> 'resolved' and due < despatch_now() group by queue",
        ),
        SqlGauge {
            name: "despatch.orders_touched_by_hand",
            unit: "",
            label: None,
            sql: "select count(distinct subject)::float8 from exceptions.history
                    join exceptions.exception using (handler, event_id)
                   where at > despatch_now() - interval '7 days' and kind not in ('failed', 'succeeded')
                     and subject like 'order/%'",
        },
    ]
}
