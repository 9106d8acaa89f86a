//! The committed transactions, recorded beside the protocol for the properties to check. The protocol never reads them.

use crate::journal::Fate;
use crate::messages::{Event, Handler, Message};

/// A transaction that was committed for an event: in effect the handler's own rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Commit {
    pub(crate) handler: Handler,
    pub(crate) message: Message,
    pub(crate) fate: Fate,
}

impl Commit {
    /// Returns the follow-ons: `outcome` in the runtime.
    pub(crate) fn follow_ons(self) -> Vec<Message> {
        let generation = self.message.generation;
        let result = match (self.handler, self.fate) {
            (Handler::Outbox, _) => Some(Event::Order),
            (Handler::Capture, Fate::Done) => Some(Event::Captured),
            (Handler::Capture, Fate::Dead) => Some(Event::Letter),
            (Handler::Capture, Fate::PendingRetry) | (Handler::Track, _) => None,
        };
        let report = (generation > 0).then_some(Event::Report { of: generation });
        result.into_iter().chain(report).map(Message::first).collect()
    }
}

/// All committed transactions, in no order.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(crate) struct Ledger(Vec<Commit>);

impl Ledger {
    pub(crate) fn enter(&mut self, entry: Commit) {
        self.0.push(entry);
        self.0.sort_unstable();
    }

    /// Returns whether a generation of an event was recorded twice, or an event handled twice.
    pub(crate) fn repeat_themselves(&self) -> bool {
        self.0.iter().enumerate().any(|(n, one)| {
            self.0[n + 1..].iter().any(|other| {
                let same_event = (one.handler, one.message.event) == (other.handler, other.message.event);
                let both_done = one.fate == Fate::Done && other.fate == Fate::Done;
                same_event && (both_done || one.message.generation == other.message.generation)
            })
        })
    }

    /// Returns everything that was committed to be published.
    pub(crate) fn promised(&self) -> impl Iterator<Item = Message> {
        self.0.iter().flat_map(|entry| entry.follow_ons())
    }

    pub(crate) fn was_consumed(&self, message: Message) -> bool {
        self.0.iter().any(|entry| entry.handler == message.consumer() && entry.message == message)
    }
}
