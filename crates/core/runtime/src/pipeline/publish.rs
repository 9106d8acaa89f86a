//! The last stages: publish the follow-ons, close the outbox batch, and only then ack the incoming messages.

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
    /// The outbox batches that name its events, if there is anything to publish.
    pub(crate) outbox_batches: Vec<i64>,
    /// Follow-ons that are still to be published.
    pub(crate) follow_ons: Vec<Envelope>,
    /// The span of its transaction, if it is sampled.
    pub(crate) span: Option<SpanContext>,
    /// The messages that the batch settles.
    pub(crate) deliveries: Vec<Delivery>,
}

/// Batches of one handler that are published at once.
const BATCHES: usize = 8;

/// Publishes and acks batches until there are no more.
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
                // The messages are acked all the same: the sweeper publishes the batch again and closes it, which is
                // harmless.
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
