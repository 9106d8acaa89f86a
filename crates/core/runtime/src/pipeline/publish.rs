//! The last stages: follow-ons go out, the outbox batch is closed, and only then is the broker told that the incoming
//! messages are settled.

use std::sync::Arc;
use std::time::{Instant, SystemTime};

use despatch_contracts::runtime::Envelope;
use futures_util::stream::{FuturesUnordered, StreamExt};
use opentelemetry::trace::SpanContext;
use tokio::sync::mpsc;
use tracing::Instrument;

use crate::context::WorkerContext;
use crate::failpoint;
use crate::nats::{Delivery, Published};
use crate::telemetry::Metrics;
use crate::telemetry::spans;
use crate::worker::HandlerSpec;

/// A committed batch.
pub(crate) struct Recorded {
    /// The outbox batches that name its events, when there is anything to publish.
    pub(crate) outbox_batches: Vec<i64>,
    /// What is still to be published.
    pub(crate) follow_ons: Vec<Envelope>,
    /// Its transaction's span, when it is sampled.
    pub(crate) span: Option<SpanContext>,
    /// The messages that it settles.
    pub(crate) deliveries: Vec<Delivery>,
}

/// How many batches of one handler are on their way out at once.
const BATCHES: usize = 8;

/// Publishes and acks until no more batches come.
pub(crate) async fn publish(
    ctx: Arc<WorkerContext>,
    spec: Arc<HandlerSpec>,
    metrics: Metrics,
    mut recorded: mpsc::Receiver<Recorded>,
) {
    let mut underway = FuturesUnordered::new();
    let mut more = true;
    while more || !underway.is_empty() {
        tokio::select! {
            batch = recorded.recv(), if more && underway.len() < BATCHES => match batch {
                Some(batch) => {
                    let span = tracing::debug_span!("publish", handler = spec.name, events = batch.follow_ons.len());
                    underway.push(settle(&ctx, &spec, &metrics, batch).instrument(span));
                }
                None => more = false,
            },
            Some(()) = underway.next(), if !underway.is_empty() => {}
        }
    }
}

async fn settle(ctx: &WorkerContext, spec: &HandlerSpec, metrics: &Metrics, batch: Recorded) {
    if !batch.outbox_batches.is_empty() {
        let (began, since) = (SystemTime::now(), Instant::now());
        if ctx.broker.publish(&batch.follow_ons, &ctx.abandon).await == Published::Partly {
            return;
        }
        metrics.observe_stage("publish", since);
        if let Some(span) = &batch.span {
            spans::published(spec.name, began, batch.follow_ons.len(), span);
        }
        failpoint::pass("after-publish");
        for outbox_batch in batch.outbox_batches {
            if let Err(error) = ctx.close(outbox_batch).await {
                // The sweeper will publish it again and close it; that is harmless, and no reason not to ack.
                tracing::warn!(%error, "outbox batch left to the sweeper");
            }
        }
        failpoint::pass("after-close");
    }
    failpoint::pass("before-ack");
    for delivery in batch.deliveries {
        delivery.ack().await;
    }
}
