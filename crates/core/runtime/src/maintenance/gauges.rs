//! Gauges that are read at intervals: pending work, the state of the process's parts, and the worker's own gauges.
//! Every process of a worker reports the same figures of its database, so do not add them up.

use crate::db::{Database, DbError};
use crate::maintenance::readiness;
use crate::nats::{Names, pull};
use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use opentelemetry::metrics::{Gauge, Meter};
use opentelemetry::{KeyValue, global};
use tokio::time::{Interval, MissedTickBehavior};

use crate::context::WorkerContext;
use crate::worker::SqlGauge;

const EVERY: Duration = Duration::from_secs(15);

/// A gauge, and the label values that it has been reported for.
struct GaugePoller {
    gauge: Gauge<f64>,
    worker: &'static str,
    label: Option<&'static str>,
    sql: String,
    shown: HashSet<String>,
}

impl GaugePoller {
    fn new(meter: &Meter, worker: &'static str, gauge: SqlGauge) -> Self {
        let (label, always) = gauge.label.unzip();
        GaugePoller {
            gauge: meter.f64_gauge(gauge.name).with_unit(gauge.unit).build(),
            worker,
            label,
            sql: gauge.sql.to_owned(),
            shown: always.into_iter().flatten().map(str::to_owned).collect(),
        }
    }

    /// Returns the gauges that every worker has.
    fn common(meter: &Meter, worker: &'static str, handlers: &[&'static str]) -> [Self; 7] {
        let poller = |name, unit, label: Option<_>, sql| GaugePoller {
            gauge: meter.f64_gauge(name).with_unit(unit).build(),
            worker,
            label,
            sql,
            shown: label
                .iter()
                .filter(|label| **label == "handler")
                .flat_map(|_| handlers)
                .map(|handler| (*handler).to_owned())
                .collect(),
        };
        let handler = Some("handler");
        let waiting = format!("from {worker}.journal where state = 'waiting' group by handler");
        let count = format!("select handler, count(*)::float8 {waiting}");
        let oldest = format!(
            "select handler, extract(epoch from despatch_now() - min(coalesce(waiting_since, recorded_at)))::float8 {waiting}"
        );
        let open = format!("select count(*)::float8 from {worker}.outbox_batch");
        let open_since = format!(
            "select coalesce(extract(epoch from despatch_now() - min(opened_at)), 0)::float8 from {worker}.outbox_batch"
        );
        let rows = format!(
            "select coalesce(sum(greatest(reltuples, 0)), 0)::float8 from pg_class \
             where oid in (select inhrelid from pg_inherits where inhparent = '{worker}.journal'::regclass)"
        );
        let breaker = Some("provider");
        let states = format!(
            "select provider, case state when 'closed' then 0 when 'half-open' then 1 else 2 end::float8 from {worker}.breaker"
        );
        let held = format!(
            "select provider, (select count(*) from {worker}.retry where held_by = provider)::float8 from {worker}.breaker"
        );
        [
            poller("despatch.breaker_state", "", breaker, states),
            poller("despatch.retries_held", "", breaker, held),
            poller("despatch.retries_waiting", "", handler, count),
            poller("despatch.oldest_waiting_age", "s", handler, oldest),
            poller("despatch.outbox_batches", "", None, open),
            poller("despatch.oldest_outbox_batch_age", "s", None, open_since),
            poller("despatch.journal_rows", "", None, rows),
        ]
    }

    async fn poll(&mut self, db: &Database) -> Result<(), DbError> {
        let client = db.client().await?;
        let rows = client.query(&client.prepare_cached(&self.sql).await?, &[]).await?;
        let worker = KeyValue::new("worker", self.worker);
        let Some(label) = self.label else {
            for row in rows {
                self.gauge.record(row.try_get(0)?, std::slice::from_ref(&worker));
            }
            return Ok(());
        };
        let mut gone = self.shown.clone();
        for row in rows {
            let value: String = row.try_get(0)?;
            self.gauge.record(row.try_get(1)?, &[worker.clone(), KeyValue::new(label, value.clone())]);
            gone.remove(&value);
            self.shown.insert(value);
        }
        for value in gone {
            self.gauge.record(0.0, &[worker.clone(), KeyValue::new(label, value)]);
        }
        Ok(())
    }
}

/// Reads a worker's gauges until the process drains.
pub(crate) async fn watch(ctx: Arc<WorkerContext>, handlers: Vec<&'static str>, gauges: Vec<SqlGauge>) {
    let Ok(db) = Database::read_only(ctx.settings.database_of(ctx.worker)) else { return };
    let meter = global::meter("despatch");
    let mut pollers: Vec<GaugePoller> = GaugePoller::common(&meter, ctx.worker, &handlers).into();
    pollers.extend(gauges.into_iter().map(|gauge| GaugePoller::new(&meter, ctx.worker, gauge)));
    let looking = async {
        let mut tick = ticks();
        loop {
            tick.tick().await;
            for poller in &mut pollers {
                if let Err(error) = poller.poll(&db).await {
                    tracing::debug!(worker = ctx.worker, sql = poller.sql, %error, "gauge query failed");
                }
            }
        }
    };
    // A server that does not answer delays only the gauges that ask it.
    tokio::select! {
        () = ctx.drain.cancelled() => {}
        () = show_parts(&ctx, &handlers, &meter) => {}
        () = show_consumers(&ctx, &handlers, &meter) => {}
        () = looking => {}
    }
}

async fn show_parts(ctx: &WorkerContext, handlers: &[&'static str], meter: &Meter) {
    let ready = meter.u64_gauge("despatch.part_ready").build();
    let mut tick = ticks();
    loop {
        tick.tick().await;
        readiness::check(ctx).await;
        for (part, state) in ctx.health.parts() {
            if concerns(&part, ctx, handlers) {
                let labels = [KeyValue::new("worker", ctx.worker), KeyValue::new("part", part)];
                ready.record(u64::from(state.is_ready()), &labels);
            }
        }
    }
}

async fn show_consumers(ctx: &WorkerContext, handlers: &[&'static str], meter: &Meter) {
    let pending = meter.u64_gauge("despatch.consumer_pending").build();
    let unacked = meter.u64_gauge("despatch.consumer_ack_pending").build();
    let mut tick = ticks();
    loop {
        tick.tick().await;
        for handler in handlers {
            if let Some(waits) = pull::pending(&ctx.broker, &Names::consumer(handler)).await {
                let labels = [KeyValue::new("worker", ctx.worker), KeyValue::new("handler", *handler)];
                pending.record(waits.undelivered, &labels);
                unacked.record(waits.unacked, &labels);
            }
        }
    }
}

fn ticks() -> Interval {
    let mut tick = tokio::time::interval(EVERY);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    tick
}

/// Returns whether a part of the process belongs to this worker, or to all workers.
fn concerns(part: &str, ctx: &WorkerContext, handlers: &[&'static str]) -> bool {
    let others = part.contains(['.', '/']);
    !others
        || handlers.contains(&part)
        || part == ctx.database_part()
        || part == readiness::commits(ctx)
        || ctx.breakers.all().any(|breaker| part == breaker.part(ctx.worker))
}
