//! Counters and timings, under the names of docs/metrics.md. Where no collector reads them, each of these does nothing.

use std::time::{Duration, Instant};

use opentelemetry::metrics::{Counter, Histogram};
use opentelemetry::{KeyValue, global};

/// Buckets from a quarter of a millisecond to half a minute.
const SECONDS: [f64; 15] =
    [0.000_25, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];

/// Buckets up to a day, because waiting events may wait for long.
const AGES: [f64; 12] = [0.001, 0.005, 0.025, 0.1, 0.5, 2.5, 10.0, 60.0, 300.0, 1_800.0, 14_400.0, 86_400.0];

const SIZES: [f64; 10] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0];

const ATTEMPTS: [f64; 8] = [1.0, 2.0, 3.0, 4.0, 6.0, 8.0, 12.0, 16.0];

/// The possible results of handling an event.
const VERDICTS: [&str; 6] = ["done", "retried", "deferred", "waits", "dead", "stale"];

/// One handler's instruments.
#[derive(Clone)]
pub(crate) struct Metrics {
    handler: [KeyValue; 2],
    messages: Counter<u64>,
    verdicts: Counter<u64>,
    delivery_age: Histogram<f64>,
    stages: Histogram<f64>,
    batches: Histogram<u64>,
    attempts: Histogram<u64>,
}

impl Metrics {
    pub(crate) fn of(worker: &'static str, handler: &'static str) -> Self {
        let meter = global::meter("despatch");
        let verdicts = meter.u64_counter("despatch.verdicts").build();
        let seconds = |name| meter.f64_histogram(name).with_unit("s");
        let this = Metrics {
            handler: [KeyValue::new("worker", worker), KeyValue::new("handler", handler)],
            messages: meter.u64_counter("despatch.messages").build(),
            verdicts,
            delivery_age: seconds("despatch.delivery_age").with_boundaries(AGES.to_vec()).build(),
            stages: seconds("despatch.stage_duration").with_boundaries(SECONDS.to_vec()).build(),
            batches: meter.u64_histogram("despatch.batch_events").with_boundaries(SIZES.to_vec()).build(),
            attempts: meter.u64_histogram("despatch.attempts").with_boundaries(ATTEMPTS.to_vec()).build(),
        };
        // A counter that first appears with its first rise shows no rise, so each begins at 0.
        for verdict in VERDICTS {
            this.verdicts.add(0, &this.with("verdict", verdict));
        }
        this
    }

    /// Notes that `messages` arrived together, the oldest of them `oldest` after it was published.
    pub(crate) fn received(&self, messages: u64, oldest: Duration) {
        if messages > 0 {
            self.messages.add(messages, &self.handler);
            self.delivery_age.record(oldest.as_secs_f64(), &self.handler);
        }
    }

    /// Notes the duration of a stage that began at `since`.
    pub(crate) fn observe_stage(&self, stage: &'static str, since: Instant) {
        self.stages.record(since.elapsed().as_secs_f64(), &self.with("stage", stage));
    }

    /// Notes the number of events in a recording transaction.
    pub(crate) fn recorded(&self, events: usize) {
        self.batches.record(events as u64, &self.handler);
    }

    /// Counts events by their verdict.
    pub(crate) fn count_dispositions(&self, verdict: &'static str, events: u64) {
        if events > 0 {
            self.verdicts.add(events, &self.with("verdict", verdict));
        }
    }

    /// Notes the number of tries that settled an event.
    pub(crate) fn settled(&self, attempts: u32) {
        self.attempts.record(u64::from(attempts), &self.handler);
    }

    fn with(&self, key: &'static str, value: &'static str) -> [KeyValue; 3] {
        let [worker, handler] = self.handler.clone();
        [worker, handler, KeyValue::new(key, value)]
    }
}
