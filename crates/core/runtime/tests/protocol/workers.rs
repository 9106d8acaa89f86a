//! The processes and their work: everything that a crash takes away.

use crate::journal::Batch;
use crate::messages::Message;
use crate::provider::{Answer, Key};

/// A process. Each works on one thing at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Place {
    /// Two replicas of the capturing worker.
    CaptureA,
    CaptureB,
    /// That worker's scheduler. Rows are locked when they are taken, so one stands for all.
    Scheduler,
    /// The stream's watcher, for all workers. Each process has one; all do the same.
    Watch,
}

impl Place {
    pub(crate) const ALL: [Place; 4] = [Place::CaptureA, Place::CaptureB, Place::Scheduler, Place::Watch];
}

/// The progress of a process.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(crate) enum InFlight {
    #[default]
    Empty,
    /// Admitted by the journal.
    Admitted(Message),
    /// The effect is committed.
    Asked(Message, Key),
    Performed(Message, Answer),
    /// The journal says that the event is settled.
    Stale(Message),
    /// Committed; the follow-ons are next.
    Publishing(Publishing),
    /// About to be published again.
    Restoring(Restoring),
    /// About to be acked.
    Settled(Message),
    /// Neither recordable nor stale; no further step leads out of this.
    Stuck(Message),
}

/// Messages to publish, then a batch to close, then a message to ack.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Publishing {
    pub(crate) unpublished: Vec<Message>,
    pub(crate) open: Vec<Batch>,
    /// The message that this settles; the scheduler has none.
    pub(crate) settles: Option<Message>,
}

/// Messages that the journals have for the stream, and that it may lack.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Restoring {
    pub(crate) given: Vec<Message>,
    /// Whether the stream is known to have lost messages. Otherwise they go out under the same ids, and the dedupe
    /// drops existing ones.
    pub(crate) rewound: bool,
}

/// The watcher's knowledge of the stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Watch {
    /// Nothing, because its process has started since, or has a new connection.
    Fresh,
    /// It publishes again, over the same connection ever since.
    Restoring,
    /// Everything recorded before is, or was, on the stream that it sees.
    CaughtUp,
}
