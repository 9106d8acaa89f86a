//! The provider, and the ledger of requests to it (`effects`).

use std::collections::BTreeMap;

use crate::ablations::Ablation;

/// The last part of an idempotency key. An order has one operation on one parcel, so only the number differs.
pub(crate) type Key = u8;

/// The provider's answer to the worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Answer {
    Done,
    /// Definitely not done, which closes the effect.
    Refused,
    /// Done, but the answer never arrived. The effect stays pending.
    Unanswered,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(crate) struct Provider {
    /// The ledger: the number of new keys so far, and whether the last effect is pending.
    asked: Key,
    open: bool,
    /// The provider: the result of each key that it has seen.
    done: BTreeMap<Key, bool>,
}

impl Provider {
    /// Commits that the provider is about to be asked; returns the key.
    pub(crate) fn ask(&mut self, without: Ablation) -> Key {
        if !self.open || without == Ablation::Ledger {
            self.asked += 1;
            self.open = true;
        }
        self.asked
    }

    /// Returns the provider's possible answers. It repeats its answer to a key that it knows.
    pub(crate) fn answers(&self, key: Key, may_fail: bool) -> Vec<Answer> {
        match (self.done.get(&key), may_fail) {
            (Some(false), _) => vec![Answer::Refused],
            (Some(true), true) => vec![Answer::Done, Answer::Unanswered],
            (None, true) => vec![Answer::Done, Answer::Unanswered, Answer::Refused],
            (Some(true) | None, false) => vec![Answer::Done],
        }
    }

    pub(crate) fn perform(&mut self, key: Key, answer: Answer) {
        self.done.insert(key, answer != Answer::Refused);
        if answer == Answer::Refused && key == self.asked {
            self.open = false;
        }
    }

    /// Returns whether the provider has seen this key.
    pub(crate) fn knows(&self, key: Key) -> bool {
        self.done.contains_key(&key)
    }

    /// Returns how often the provider performed a request.
    pub(crate) fn effects(&self) -> usize {
        self.done.values().filter(|done| **done).count()
    }
}
