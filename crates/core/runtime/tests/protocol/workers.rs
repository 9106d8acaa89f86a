//! Who is at work, and with what in flight: all that a crash takes away.

use crate::journal::Batch;
use crate::messages::Message;
use crate::provider::{Answer, Key};

/// Who is at work. Each works on one thing at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Place {
    /// Two replicas of the worker that captures.
    CaptureA,
    CaptureB,
    /// That worker's clock. Rows are locked as they are taken, so that two would not differ from one.
    Clock,
    /// Whoever watches the stream, for all workers. Each process does so by itself; another one's would do the same.
    Watch,
}

impl Place {
    pub(crate) const ALL: [Place; 4] = [Place::CaptureA, Place::CaptureB, Place::Clock, Place::Watch];
}

/// How far it has come.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(crate) enum InFlight {
    #[default]
    Empty,
    /// The journal has let it in.
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
    /// The message that all this settles; the clock has none.
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
