//! Concurrency keys: what events must not touch at the same time.

use despatch_contracts::Subject;
use sha2::{Digest, Sha256};

/// What an event serialises on. Events of one worker that share a key are recorded one after the other, over all of its
/// processes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ConcurrencyKeys(Vec<i64>);

impl ConcurrencyKeys {
    /// Serialises on nothing.
    pub fn none() -> Self {
        ConcurrencyKeys::default()
    }

    /// Serialises on a subject; on nothing when there is none.
    pub fn subject(subject: Subject<'_>) -> Self {
        if subject.is_none() {
            ConcurrencyKeys::none()
        } else {
            ConcurrencyKeys::of(subject.kind(), subject.id())
        }
    }

    /// Serialises on one thing of a kind, e.g. `("sku", "A-1")`.
    pub fn of(kind: &str, value: &str) -> Self {
        ConcurrencyKeys(vec![hash(kind, value)])
    }

    /// Serialises on one more thing.
    #[must_use]
    pub fn and(mut self, kind: &str, value: &str) -> Self {
        self.0.push(hash(kind, value));
        self
    }

    /// The advisory locks that stand for these keys.
    pub(crate) fn locks(&self) -> &[i64] {
        &self.0
    }
}

/// Advisory locks are 64 bits wide; two keys that fall together only wait for each other needlessly.
pub(crate) fn hash(kind: &str, value: &str) -> i64 {
    let mut hash = Sha256::new();
    hash.update(kind.as_bytes());
    hash.update([0]);
    hash.update(value.as_bytes());
    let digest = hash.finalize();
    i64::from_be_bytes(digest[..8].try_into().unwrap_or_default())
}
