//! The message that places an order.

use async_nats::HeaderMap;
use bytes::Bytes;
use despatch_contracts::runtime::Envelope;
use despatch_contracts::{Emitted, EventId, Trace};

/// A message to place an order with.
pub(crate) struct Placing {
    pub(crate) subject: String,
    pub(crate) headers: HeaderMap,
    pub(crate) payload: Bytes,
}

impl Placing {
    /// Creates a new event.
    pub(crate) fn new(namespace: &str, event: Emitted, trace: &Trace) -> Self {
        let envelope = Envelope::first(EventId::new(), "bench", event, trace);
        Placing {
            subject: format!("{namespace}.{}", envelope.nats_subject),
            headers: envelope.headers(),
            payload: envelope.payload,
        }
    }
}
