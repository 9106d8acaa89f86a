//! The load: orders are placed as fast as they complete, so many in flight.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_nats::HeaderMap;
use async_nats::jetstream::Context;
use bytes::Bytes;
use despatch_contracts::runtime::Envelope;
use despatch_contracts::{Emitted, EventId, Trace};
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;

use crate::Outcome;

/// How often it is looked whether orders have completed.
const LOOK: Duration = Duration::from_millis(2);

/// Messages on their way to the broker at a time.
const UNACKED: usize = 1024;

/// Orders that have completed, counted by whoever sees it.
pub(crate) type Completed = Arc<AtomicUsize>;

/// A message to place an order with.
pub(crate) struct Placing {
    pub(crate) subject: String,
    pub(crate) headers: HeaderMap,
    pub(crate) payload: Bytes,
}

impl Placing {
    /// An event that nobody has said before.
    pub(crate) fn new(namespace: &str, event: Emitted, trace: &Trace) -> Self {
        let envelope = Envelope::first(EventId::new(), "bench", event, trace);
        Placing {
            subject: format!("{namespace}.{}", envelope.subject),
            headers: envelope.headers(),
            payload: envelope.payload,
        }
    }
}

/// Places orders until there were so many, and returns when `completed` has grown by as many.
pub(crate) async fn closed_loop(
    jetstream: &Context,
    orders: usize,
    in_flight: usize,
    completed: &Completed,
    placing: impl Fn() -> Placing,
) -> Outcome {
    let before = completed.load(Ordering::Relaxed);
    let so_far = || completed.load(Ordering::Relaxed) - before;
    let mut unacked = FuturesUnordered::new();
    for placed in 0..orders {
        while placed >= so_far() + in_flight {
            tokio::time::sleep(LOOK).await;
        }
        let Placing { subject, headers, payload } = placing();
        let sent = jetstream.publish_with_headers(subject, headers, payload).await?;
        unacked.push(sent.into_future());
        if unacked.len() >= UNACKED
            && let Some(stored) = unacked.next().await
        {
            stored?;
        }
    }
    while let Some(stored) = unacked.next().await {
        stored?;
    }
    while so_far() < orders {
        tokio::time::sleep(LOOK).await;
    }
    Ok(())
}
