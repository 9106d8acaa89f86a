//! The stream and what its consumers know. Nothing relies on the order of deliveries, so there is none here.

use std::collections::{BTreeMap, BTreeSet};

use crate::messages::Message;

/// How far a stored message has come with its consumer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Delivery {
    /// To be handed to somebody.
    Due,
    /// Handed to somebody who has not acked it yet.
    Unacked,
    Acked,
}

/// A stored message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Backlog {
    delivery: Delivery,
    /// It was there at the latest look: it cannot be lost without the message by which the stream is known.
    marked: bool,
    /// It was there when the time was noted that is to be known as settled.
    awaited: bool,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(crate) struct Broker {
    stream: BTreeMap<Message, Backlog>,
    /// What was acknowledged to its publisher, and is gone.
    lost: BTreeSet<Message>,
    /// The message by which the stream is known is not where it was.
    rewound: bool,
}

impl Broker {
    /// Stores a message. One that is stored already is known to the dedupe; that the dedupe may have forgotten it is
    /// the fault [`deliver_again`](Self::deliver_again).
    pub(crate) fn store(&mut self, message: Message) {
        self.lost.remove(&message);
        let fresh = Backlog { delivery: Delivery::Due, marked: false, awaited: false };
        self.stream.entry(message).or_insert(fresh);
    }

    /// Stores a message past the dedupe: what is there already is delivered again.
    pub(crate) fn store_copy(&mut self, message: Message) {
        self.store(message);
        self.deliver_again(message);
    }

    pub(crate) fn hand_over(&mut self, message: Message) {
        self.set(message, Delivery::Unacked);
    }

    /// An ack counts, wherever it comes from. One for what is no longer there is ignored.
    pub(crate) fn ack(&mut self, message: Message) {
        self.set(message, Delivery::Acked);
    }

    /// An ack wait that is over, an ack that was lost or forgotten, or a second publication past the dedupe.
    pub(crate) fn deliver_again(&mut self, message: Message) {
        self.set(message, Delivery::Due);
    }

    /// Whoever had it is dead. Should somebody else have it by now, that is one delivery more.
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

    /// The stream is taken as it is, and no longer compared to what it was.
    pub(crate) fn accept(&mut self) {
        self.rewound = false;
    }

    /// It is to be known by its last message.
    pub(crate) fn mark(&mut self) {
        self.stream.values_mut().for_each(|stored| stored.marked = true);
    }

    pub(crate) fn await_all(&mut self) {
        self.stream.values_mut().for_each(|stored| stored.awaited = true);
    }

    pub(crate) fn await_none(&mut self) {
        self.stream.values_mut().for_each(|stored| stored.awaited = false);
    }

    /// Whether every consumer has come past what is awaited.
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
