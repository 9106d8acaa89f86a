//! The stream and what its consumers know. Nothing relies on the order of deliveries, so there is none here.

use std::collections::{BTreeMap, BTreeSet};

use crate::messages::Message;

/// How far a stored message has come with the consumer of its hearer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Delivery {
    /// To be handed to somebody.
    Due,
    /// Handed to somebody who has not acked it yet.
    Unacked,
    Acked,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(crate) struct Broker {
    stream: BTreeMap<Message, Delivery>,
    /// What was acknowledged to its publisher, and is gone.
    lost: BTreeSet<Message>,
    /// Messages are missing, and nobody has made up for it yet.
    rewound: bool,
}

impl Broker {
    /// Stores a message. One that is stored already is known to the dedupe; that the dedupe may have forgotten it is
    /// the fault [`deliver_again`](Self::deliver_again).
    pub(crate) fn store(&mut self, message: Message) {
        self.lost.remove(&message);
        self.stream.entry(message).or_insert(Delivery::Due);
    }

    pub(crate) fn hand_over(&mut self, message: Message) {
        self.set(message, Delivery::Unacked);
    }

    /// An ack counts whoever sends it. One for what is no longer there is ignored.
    pub(crate) fn ack(&mut self, message: Message) {
        self.set(message, Delivery::Acked);
    }

    /// An ack wait that is over, an ack that was lost or forgotten, or a second publication past the dedupe.
    pub(crate) fn deliver_again(&mut self, message: Message) {
        self.set(message, Delivery::Due);
    }

    /// Whoever had it is dead. Should somebody else have it by now, that is one delivery more.
    pub(crate) fn return_unacked(&mut self, message: Message) {
        if self.stream.get(&message) == Some(&Delivery::Unacked) {
            self.set(message, Delivery::Due);
        }
    }

    fn set(&mut self, message: Message, delivery: Delivery) {
        if let Some(standing) = self.stream.get_mut(&message) {
            *standing = delivery;
        }
    }

    pub(crate) fn lose(&mut self, message: Message) {
        self.stream.remove(&message);
        self.lost.insert(message);
        self.rewound = true;
    }

    pub(crate) fn lose_everything(&mut self) {
        for message in std::mem::take(&mut self.stream).into_keys() {
            self.lose(message);
        }
    }

    pub(crate) fn is_rewound(&self) -> bool {
        self.rewound
    }

    /// Everything that may be missing is in open batches again.
    pub(crate) fn made_up_for(&mut self) {
        self.rewound = false;
    }

    pub(crate) fn has_lost(&self, message: Message) -> bool {
        self.lost.contains(&message)
    }

    pub(crate) fn messages(&self) -> impl Iterator<Item = (Message, Delivery)> {
        self.stream.iter().map(|(message, delivery)| (*message, *delivery))
    }
}
