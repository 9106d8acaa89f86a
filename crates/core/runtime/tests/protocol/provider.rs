//! The provider, and the ledger of what was asked of it (`effects`).

use std::collections::BTreeMap;

use crate::ablations::Ablation;

/// The last part of an idempotency key: an order asks for one operation on one parcel, so only the number differs.
pub(crate) type Key = u8;

/// What the worker is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Answer {
    Done,
    /// Definitely not done, which closes the ask.
    Refused,
    /// It was done, but the answer never came. The ask stays open.
    Unanswered,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(crate) struct Provider {
    /// The ledger: how often something was asked under a new key, and whether the last such ask is still open.
    asked: Key,
    open: bool,
    /// The provider: what came of each key it has seen.
    done: BTreeMap<Key, bool>,
}

impl Provider {
    /// Commits that something is going to be asked; answers under which key.
    pub(crate) fn ask(&mut self, without: Ablation) -> Key {
        if !self.open || without == Ablation::Ledger {
            self.asked += 1;
            self.open = true;
        }
        self.asked
    }

    /// What the provider may answer. It answers a key that it knows as it did before.
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

    /// Whether the provider has seen this key.
    pub(crate) fn knows(&self, key: Key) -> bool {
        self.done.contains_key(&key)
    }

    /// How often the provider did what it was asked.
    pub(crate) fn effects(&self) -> usize {
        self.done.values().filter(|done| **done).count()
    }
}
