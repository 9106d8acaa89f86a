//! Concurrency keys: events that share a key are recorded one after the other.

use despatch_contracts::Subject;
use sha2::{Digest, Sha256};

/// The keys that an event serialises on. Events of one worker that share a key are recorded one after the other, over
/// all of the worker's processes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ConcurrencyKeys(Vec<i64>);

impl ConcurrencyKeys {
    /// Serialises on nothing.
    pub fn none() -> Self {
        ConcurrencyKeys::default()
    }

    /// Serialises on a subject; on nothing if the subject is empty.
    pub fn subject(subject: Subject<'_>) -> Self {
        if subject.is_none() {
            ConcurrencyKeys::none()
        } else {
            ConcurrencyKeys::of(subject.kind(), subject.id())
        }
    }

    /// Serialises on one value of a kind, e.g. `("sku", "A-1")`.
    pub fn of(kind: &str, value: &str) -> Self {
        ConcurrencyKeys(vec![hash(kind, value)])
    }

    /// Adds a key.
    #[must_use]
    pub fn and(mut self, kind: &str, value: &str) -> Self {
        self.0.push(hash(kind, value));
        self
    }

    /// Returns the advisory locks of these keys.
    pub(crate) fn locks(&self) -> &[i64] {
        &self.0
    }
}

/// Hashes a key to the 64 bits of an advisory lock. A collision only makes two events wait for each other needlessly.
pub(crate) fn hash(kind: &str, value: &str) -> i64 {
    let mut hash = Sha256::new();
    hash.update(kind.as_bytes());
    hash.update([0]);
    hash.update(value.as_bytes());
    let digest = hash.finalize();
    i64::from_be_bytes(digest[..8].try_into().unwrap_or_default())
}
