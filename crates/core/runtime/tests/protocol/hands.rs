//! Who is at work, and with what in hand: all that a crash takes away.

use crate::journal::Batch;
use crate::messages::Message;
use crate::outside::{Answer, Key};

/// Who is at work. Each works on one thing at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Place {
    /// Two replicas of the worker that captures.
    CaptureA,
    CaptureB,
    /// That worker's clock. Rows are locked as they are taken, so that two would not differ from one.
    Clock,
}

impl Place {
    pub(crate) const ALL: [Place; 3] = [Place::CaptureA, Place::CaptureB, Place::Clock];
}

/// How far it has come.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(crate) enum Hand {
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
    Owing(Owing),
    /// To be acked.
    Settled(Message),
    /// It can neither be recorded nor is it stale; no further step leads out of this.
    Stuck(Message),
}

/// What is to be published, then closed, then acked.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Owing {
    pub(crate) owed: Vec<Message>,
    pub(crate) open: Vec<Batch>,
    /// The message that all this settles; the clock has none.
    pub(crate) settles: Option<Message>,
}
