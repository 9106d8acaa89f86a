//! The last stages: follow-ons go out, the open batch is closed, and only then is the broker told that the incoming
//! messages are settled.

use std::sync::Arc;
use std::time::{Instant, SystemTime};

use despatch_contracts::runtime::Envelope;
use futures_util::stream::{FuturesUnordered, StreamExt};
use opentelemetry::trace::SpanContext;
use tokio::sync::mpsc;
use tracing::Instrument;

use crate::broker::Published;
use crate::delivery::Delivery;
use crate::failpoint;
use crate::host::Host;
use crate::job::HandlerSpec;
use crate::meters::Meters;
use crate::spans;

/// A committed batch.
pub(crate) struct Recorded {
    /// The open batch that names its events, when the stream is owed anything.
    pub(crate) open: Option<i64>,
    /// What the stream is owed.
    pub(crate) owed: Vec<Envelope>,
    /// Its transaction's span, when somebody will see it.
    pub(crate) span: Option<SpanContext>,
    /// The messages that it settles.
    pub(crate) deliveries: Vec<Delivery>,
}

/// How many batches of one handler are on their way out at once.
const BATCHES: usize = 8;

/// Publishes and acks until no more batches come.
pub(crate) async fn publish(
    host: Arc<Host>,
    spec: HandlerSpec,
    meters: Meters,
    mut recorded: mpsc::Receiver<Recorded>,
) {
    let mut underway = FuturesUnordered::new();
    let mut more = true;
    while more || !underway.is_empty() {
        tokio::select! {
            batch = recorded.recv(), if more && underway.len() < BATCHES => match batch {
                Some(batch) => {
                    let span = tracing::debug_span!("publish", handler = spec.name, events = batch.owed.len());
                    underway.push(settle(&host, &spec, &meters, batch).instrument(span));
                }
                None => more = false,
            },
            Some(()) = underway.next(), if !underway.is_empty() => {}
        }
    }
}

async fn settle(host: &Host, spec: &HandlerSpec, meters: &Meters, batch: Recorded) {
    if let Some(open) = batch.open {
        let (began, since) = (SystemTime::now(), Instant::now());
        if host.broker.publish(&batch.owed, &host.abandon).await == Published::Owed {
            return;
        }
        meters.took("publish", since);
        if let Some(span) = &batch.span {
            spans::published(spec.name, began, batch.owed.len(), span);
        }
        failpoint::pass("after-publish");
        if let Err(error) = host.close(open).await {
            // The sweeper will publish it again and close it; that is harmless, and no reason not to ack.
            tracing::warn!(%error, "an open batch is left to the sweeper");
        }
        failpoint::pass("after-close");
    }
    failpoint::pass("before-ack");
    for delivery in batch.deliveries {
        delivery.ack().await;
    }
}
