//! The SQL of alarms.

use std::time::Duration;

use despatch_domain::Queue;
use despatch_runtime::{DbError, SqlGauge, Tx};

/// A queue with cases past their service level.
pub(crate) struct Overdue {
    pub(crate) queue: String,
    pub(crate) cases: i64,
    pub(crate) longest_minutes: i64,
}

/// A reason that events fail of much more often than usual.
pub(crate) struct Rise {
    pub(crate) reason: String,
    /// In the last ten minutes.
    pub(crate) failures: i64,
    /// In ten minutes of the day before.
    pub(crate) usual: f64,
}

/// Takes the watch when nobody has kept it for so long; `false` when somebody does.
pub(crate) async fn wake(tx: &Tx<'_>, asleep: Duration) -> Result<bool, DbError> {
    const SQL: &str = "insert into exceptions.watch (at) values (now())
                       on conflict (only_one) do update set at = now()
                        where watch.at < now() - $1::float8 * interval '1 second'";
    Ok(tx.execute(SQL, &[&asleep.as_secs_f64()]).await? == 1)
}

/// Queues past their service level.
pub(crate) async fn overdue(tx: &Tx<'_>) -> Result<Vec<Overdue>, DbError> {
    const SQL: &str = "
        select queue, count(*) as cases, (extract(epoch from now() - min(due)) / 60)::bigint as longest
          from exceptions.exception where state <> 'resolved' and due < now() group by queue order by queue";
    let rows = tx.query(SQL, &[]).await?;
    rows.iter()
        .map(|row| {
            Ok(Overdue {
                queue: row.try_get("queue")?,
                cases: row.try_get("cases")?,
                longest_minutes: row.try_get("longest")?,
            })
        })
        .collect()
}

/// Reasons of at least ten failures in ten minutes, and more than four times as many as usual.
pub(crate) async fn rises(tx: &Tx<'_>) -> Result<Vec<Rise>, DbError> {
    const SQL: &str = "
        select reason, recent, earlier / 144.0::float8 as usual
          from (select reason, count(*) filter (where at > now() - interval '10 minutes') as recent,
                       count(*) filter (where at <= now() - interval '10 minutes') as earlier
                  from exceptions.entry
                 where kind = 'failed' and at > now() - interval '1 day 10 minutes' group by reason) counts
         where recent >= 10 and recent > 4 * earlier / 144.0 order by reason";
    let rows = tx.query(SQL, &[]).await?;
    rows.iter()
        .map(|row| {
            Ok(Rise {
                reason: row.try_get("reason")?,
                failures: row.try_get("recent")?,
                usual: row.try_get("usual")?,
            })
        })
        .collect()
}

/// Keeps which causes hold now, and that somebody looked; answers those that did not hold before.
pub(crate) async fn raise(tx: &Tx<'_>, causes: &[&str]) -> Result<Vec<String>, DbError> {
    const SQL: &str = "
        with looked as (update exceptions.watch set at = now()),
             over as (delete from exceptions.alarm where cause <> all($1) and cause not like 'new/%')
        insert into exceptions.alarm (cause) select unnest($1::text[]) on conflict do nothing returning cause";
    let rows = tx.returning(SQL, &[&causes]).await?;
    rows.iter().map(|row| Ok(row.try_get(0)?)).collect()
}

/// Reasons of the last day that were never seen before this call.
pub(crate) async fn new_reasons(tx: &Tx<'_>) -> Result<Vec<String>, DbError> {
    const SQL: &str = "
        insert into exceptions.alarm (cause)
        select distinct 'new/' || reason from exceptions.entry where kind = 'failed' and at > now() - interval '1 day'
        on conflict do nothing returning substr(cause, 5)";
    let rows = tx.returning(SQL, &[]).await?;
    rows.iter().map(|row| Ok(row.try_get(0)?)).collect()
}

/// What operators watch besides.
pub(crate) fn surveys() -> [SqlGauge; 4] {
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
              where state <> 'resolved' and due < now() group by queue",
        ),
        SqlGauge {
            name: "despatch.orders_touched_by_hand",
            unit: "",
            label: None,
            sql: "select count(distinct order_id)::float8 from exceptions.entry
                    join exceptions.exception using (handler, event_id)
                   where at > now() - interval '7 days' and kind not in ('failed', 'succeeded')
                     and order_id <> ''",
        },
    ]
}
