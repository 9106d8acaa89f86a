//! The steps of a run, and the limits of its faults.

use crate::journal::Batch;
use crate::messages::{Event, Handler, Message};
use crate::provider::Answer;
use crate::workers::Place;

/// The limits of the faults in one run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub(crate) struct Faults {
    /// A process ends, with what it has in flight, and restarts at once.
    pub(crate) crashes: u8,
    /// The broker delivers a message once more.
    pub(crate) deliveries_again: u8,
    /// The broker loses an acknowledged message, or all of them.
    pub(crate) losses: u8,
    /// The provider refuses, or its answer is lost.
    pub(crate) refusals: u8,
}
/// A step. [`World::take`](World::take) has the meaning of each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    Receive(Place, Message),
    Ask(Place),
    Perform(Place, Answer),
    Record(Place),
    Finish(Place),
    Publish(Place),
    Close(Place),
    Ack(Place),
    Consume(Message),
    Fire(Handler, Event),
    Sweep(Batch),
    Look,
    Crash(Place),
    DeliverAgain(Message),
    Lose(Message),
    LoseEverything,
}
