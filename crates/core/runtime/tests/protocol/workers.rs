//! Which process works, and on what: all that a crash takes away.

use crate::journal::Batch;
use crate::messages::Message;
use crate::provider::{Answer, Key};

/// What works. Each works on one thing at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Place {
    /// Two replicas of the worker that captures.
    CaptureA,
    CaptureB,
    /// That worker's scheduler. Rows are locked as they are taken, so that two would not differ from one.
    Scheduler,
    /// The watcher of the stream, for all workers. Each process does so by itself; another one's would do the same.
    Watch,
}

impl Place {
    pub(crate) const ALL: [Place; 4] = [Place::CaptureA, Place::CaptureB, Place::Scheduler, Place::Watch];
}

/// How far it has come.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(crate) enum InFlight {
    #[default]
    Empty,
    /// The journal has admitted it.
    Admitted(Message),
    /// The ask is committed.
    Asked(Message, Key),
    Performed(Message, Answer),
    /// The journal says that it is settled.
    Stale(Message),
    /// Committed; follow-ons are to go out.
    Publishing(Publishing),
    /// To be published again.
    Restoring(Restoring),
    /// To be acked.
    Settled(Message),
    /// It can neither be recorded nor is it stale; no further step leads out of this.
    Stuck(Message),
}

/// What is to be published, then closed, then acked.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Publishing {
    pub(crate) unpublished: Vec<Message>,
    pub(crate) open: Vec<Batch>,
    /// The message that all this settles; the scheduler has none.
    pub(crate) settles: Option<Message>,
}

/// What the journals gave the stream, and it may lack.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Restoring {
    pub(crate) given: Vec<Message>,
    /// Whether the stream is known to have lost messages. Else they go out under the same ids, and what is there is known
    /// to the dedupe.
    pub(crate) rewound: bool,
}

/// What the watcher of the stream has seen of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Watch {
    /// Nothing: its process has started since, or its connection is a new one.
    Fresh,
    /// It publishes again, over the same connection ever since.
    Restoring,
    /// Everything that was recorded before is, or was, on the stream that it sees.
    CaughtUp,
}
