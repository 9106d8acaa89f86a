//! Positions of messages on the stream.

use std::collections::BTreeMap;

use despatch_contracts::EventId;

/// A message and its position on the stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct StreamPosition {
    pub(crate) sequence: u64,
    pub(crate) id: EventId,
    pub(crate) generation: u32,
}

/// For each connection, the message furthest along the stream that the worker got an ack for or received. A server that
/// rolls back ends the connection. Positions of later connections do not replace earlier ones, however far the stream
/// has grown, because the earlier ones reveal the loss.
pub(crate) type LastPositions = BTreeMap<u64, StreamPosition>;
