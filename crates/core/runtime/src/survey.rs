//! Gauges that are looked up at intervals: what waits, how the parts of the process are, and what each worker has its
//! operators watch. Every process of a worker says the same of its database, so they are not to be added up.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use opentelemetry::metrics::{Gauge, Meter};
use opentelemetry::{KeyValue, global};
use tokio::time::MissedTickBehavior;

use crate::broker::Names;
use crate::database::{Database, DbError};
use crate::health::State;
use crate::host::Host;
use crate::pull;

const EVERY: Duration = Duration::from_secs(15);

/// A gauge that is looked up in a worker's database.
#[derive(Debug, Clone, Copy)]
pub struct Survey {
    /// Its name, without the unit. All are in docs/metrics.md.
    pub name: &'static str,
    /// `s`, or nothing for a count.
    pub unit: &'static str,
    /// Its labels' names.
    pub labels: &'static [&'static str],
    /// Answers a row for each set of labels: their values as text, in this order, then the gauge as double precision.
    /// It is asked every 15 seconds and cut off after five.
    pub sql: &'static str,
}

/// What every worker's operators watch.
fn common(schema: &str) -> [(Survey, String); 4] {
    let survey = |name, unit, labels| Survey { name, unit, labels, sql: "" };
    // An event's id leads with its time, in milliseconds.
    let age = "extract(epoch from now()) \
               - min(('x' || lpad(left(replace(id::text, '-', ''), 12), 16, '0'))::bit(64)::bigint) / 1000.0";
    let waiting = format!("from {schema}.journal where state = 'waiting' group by handler");
    [
        (
            survey("despatch.retries_waiting", "", &["handler"]),
            format!("select handler, count(*)::float8 {waiting}"),
        ),
        (
            survey("despatch.oldest_waiting_age", "s", &["handler"]),
            format!("select handler, ({age})::float8 {waiting}"),
        ),
        (
            survey("despatch.open_batches", "", &[]),
            format!("select count(*)::float8 from {schema}.open_batch"),
        ),
        (
            survey("despatch.journal_rows", "", &[]),
            format!(
                "select coalesce(sum(greatest(reltuples, 0)), 0)::float8 from pg_class \
                 where oid in (select inhrelid from pg_inherits where inhparent = '{schema}.journal'::regclass)"
            ),
        ),
    ]
}

/// A gauge and the labels that it had a value for.
struct Sight {
    gauge: Gauge<f64>,
    labels: &'static [&'static str],
    sql: String,
    shown: HashSet<Vec<KeyValue>>,
}

impl Sight {
    fn new(meter: &Meter, survey: Survey, sql: String) -> Self {
        let gauge = meter.f64_gauge(survey.name).with_unit(survey.unit).build();
        Sight { gauge, labels: survey.labels, sql, shown: HashSet::new() }
    }

    /// Shows these values; what had one before and has none now is nought.
    fn show(&mut self, found: Vec<(Vec<KeyValue>, f64)>) {
        let mut gone = std::mem::take(&mut self.shown);
        for (labels, value) in found {
            self.gauge.record(value, &labels);
            gone.remove(&labels);
            self.shown.insert(labels);
        }
        for labels in gone {
            self.gauge.record(0.0, &labels);
            self.shown.insert(labels);
        }
    }

    async fn look(&mut self, worker: &'static str, db: &Database) -> Result<(), DbError> {
        let client = db.client().await?;
        let rows = client.query(&client.prepare_cached(&self.sql).await?, &[]).await?;
        let mut found = Vec::with_capacity(rows.len());
        for row in rows {
            let mut labels = vec![KeyValue::new("worker", worker)];
            for (column, name) in self.labels.iter().enumerate() {
                labels.push(KeyValue::new(*name, row.try_get::<_, String>(column)?));
            }
            found.push((labels, row.try_get(self.labels.len())?));
        }
        self.show(found);
        Ok(())
    }
}

/// Looks at a worker until the process drains.
pub(crate) async fn watch(host: Arc<Host>, handlers: Vec<&'static str>, surveys: Vec<Survey>) {
    let Ok(db) = Database::for_a_look(host.settings.database_of(host.worker)) else { return };
    let meter = global::meter("despatch");
    let own = surveys.into_iter().map(|survey| (survey, survey.sql.to_owned()));
    let mut sights: Vec<Sight> = common(host.worker)
        .into_iter()
        .chain(own)
        .map(|(survey, sql)| Sight::new(&meter, survey, sql))
        .collect();
    let pending = meter.f64_gauge("despatch.consumer_pending").build();
    let unacked = meter.f64_gauge("despatch.consumer_ack_pending").build();
    let ready = meter.u64_gauge("despatch.part_ready").build();
    let mut tick = tokio::time::interval(EVERY);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = tick.tick() => {}
            () = host.drain.cancelled() => return,
        }
        for (part, state) in host.health.parts() {
            ready.record(u64::from(state == State::Working), &[KeyValue::new("part", part)]);
        }
        for handler in &handlers {
            if let Some(waits) = pull::pending(&host.broker, &Names::consumer(handler)).await {
                let labels = [KeyValue::new("worker", host.worker), KeyValue::new("handler", *handler)];
                // Exact up to 2^53.
                #[allow(clippy::cast_precision_loss, reason = "a gauge")]
                let (undelivered, held) = (waits.undelivered as f64, waits.unacked as f64);
                pending.record(undelivered, &labels);
                unacked.record(held, &labels);
            }
        }
        for sight in &mut sights {
            if let Err(error) = sight.look(host.worker, &db).await {
                tracing::debug!(worker = host.worker, sql = sight.sql, %error, "a gauge cannot be looked up");
            }
        }
    }
}
