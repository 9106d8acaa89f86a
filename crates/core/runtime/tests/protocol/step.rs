//! The steps that a run consists of, and how much of what goes wrong there may be in it.

use crate::journal::Batch;
use crate::messages::{Event, Handler, Message};
use crate::provider::Answer;
use crate::workers::Place;

/// How much may go wrong in one run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub(crate) struct Faults {
    /// A process ends, with what it has in flight. It is back at once.
    pub(crate) crashes: u8,
    /// The broker delivers once more what it has delivered.
    pub(crate) deliveries_again: u8,
    /// The broker loses a message that it had acknowledged, or all of them.
    pub(crate) losses: u8,
    /// The provider refuses, or its answer is lost.
    pub(crate) refusals: u8,
}
/// A step. What each stands for is said where it is [taken](World::take).
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
