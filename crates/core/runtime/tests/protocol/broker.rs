//! The stream and its consumers. Nothing relies on the order of deliveries, so the model has none.

use std::collections::{BTreeMap, BTreeSet};

use crate::messages::Message;

/// The progress of a stored message at its consumer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Delivery {
    /// To be delivered.
    Due,
    /// Delivered, and not acked yet.
    Unacked,
    Acked,
}

/// A stored message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Backlog {
    delivery: Delivery,
    /// Whether it was there at the latest check. It cannot be lost without the message that identifies the stream.
    marked: bool,
    /// Whether it was there when the time to settle was noted.
    awaited: bool,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(crate) struct Broker {
    stream: BTreeMap<Message, Backlog>,
    /// Messages that were acknowledged to their publisher and lost.
    lost: BTreeSet<Message>,
    /// Whether the message that identifies the stream is not at its place.
    rewound: bool,
}

impl Broker {
    /// Stores a message. The dedupe drops one that is stored already; the fault [`deliver_again`](Self::deliver_again)
    /// covers a dedupe that has forgotten it.
    pub(crate) fn store(&mut self, message: Message) {
        self.lost.remove(&message);
        let fresh = Backlog { delivery: Delivery::Due, marked: false, awaited: false };
        self.stream.entry(message).or_insert(fresh);
    }

    /// Stores a message past the dedupe: a stored one is delivered again.
    pub(crate) fn store_copy(&mut self, message: Message) {
        self.store(message);
        self.deliver_again(message);
    }

    pub(crate) fn hand_over(&mut self, message: Message) {
        self.set(message, Delivery::Unacked);
    }

    /// Counts an ack, wherever it comes from. One for a lost message is ignored.
    pub(crate) fn ack(&mut self, message: Message) {
        self.set(message, Delivery::Acked);
    }

    /// Delivers again: the ack wait is over, the ack was lost or forgotten, or the message was published again past the
    /// dedupe.
    pub(crate) fn deliver_again(&mut self, message: Message) {
        self.set(message, Delivery::Due);
    }

    /// Delivers a dead process's message again. If another process has it by now, that is one more delivery.
    pub(crate) fn return_unacked(&mut self, message: Message) {
        if self.stream.get(&message).is_some_and(|stored| stored.delivery == Delivery::Unacked) {
            self.set(message, Delivery::Due);
        }
    }

    fn set(&mut self, message: Message, delivery: Delivery) {
        if let Some(stored) = self.stream.get_mut(&message) {
            stored.delivery = delivery;
        }
    }

    pub(crate) fn lose(&mut self, message: Message) {
        self.rewound |= self.stream.remove(&message).is_some_and(|stored| stored.marked);
        self.lost.insert(message);
    }

    pub(crate) fn lose_everything(&mut self) {
        for message in self.stream.keys().copied().collect::<Vec<_>>() {
            self.lose(message);
        }
    }

    pub(crate) fn is_rewound(&self) -> bool {
        self.rewound
    }

    /// Accepts the stream as it is, and no longer compares it with before.
    pub(crate) fn accept(&mut self) {
        self.rewound = false;
    }

    /// Identifies the stream by its last message from now on.
    pub(crate) fn mark(&mut self) {
        self.stream.values_mut().for_each(|stored| stored.marked = true);
    }

    pub(crate) fn await_all(&mut self) {
        self.stream.values_mut().for_each(|stored| stored.awaited = true);
    }

    pub(crate) fn await_none(&mut self) {
        self.stream.values_mut().for_each(|stored| stored.awaited = false);
    }

    /// Returns whether every consumer has passed the awaited messages.
    pub(crate) fn is_past_the_awaited(&self) -> bool {
        let mut awaited = self.stream.values().filter(|stored| stored.awaited);
        awaited.all(|stored| stored.delivery == Delivery::Acked)
    }

    pub(crate) fn has_lost_anything(&self) -> bool {
        !self.lost.is_empty()
    }

    pub(crate) fn has_lost(&self, message: Message) -> bool {
        self.lost.contains(&message)
    }

    pub(crate) fn messages(&self) -> impl Iterator<Item = (Message, Delivery)> {
        self.stream.iter().map(|(message, stored)| (*message, stored.delivery))
    }
}
