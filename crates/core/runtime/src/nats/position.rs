//! Where messages are on the stream.

use std::collections::BTreeMap;

use despatch_contracts::EventId;

/// A message, and where on the stream it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct StreamPosition {
    pub(crate) sequence: u64,
    pub(crate) id: EventId,
    pub(crate) generation: u32,
}

/// The message furthest on the stream that a worker was acked or was handed in its process, by connection. A server that
/// goes back ends the connection; what was seen of it before would tell, so what is seen after does not take its place,
/// however far the stream has grown by then.
pub(crate) type LastPositions = BTreeMap<u64, StreamPosition>;
