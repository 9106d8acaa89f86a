//! Idempotency keys: the used ones with their requests, and the places of their answers in the log.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use crate::digest;
use crate::log::Span;
use crate::time::now_ms;

/// The keys of the last 24 hours. A record is 64 bytes; the answers stay in the log.
pub(super) struct IdempotencyKeys {
    window_ms: i64,
    records: HashMap<u128, KeyRecord>,
    /// Answered keys, oldest first, so that old ones are dropped without a search.
    by_age: VecDeque<(i64, u128)>,
}

struct KeyRecord {
    fingerprint: u64,
    answer: Option<Answered>,
}

#[derive(Clone, Copy)]
struct Answered {
    at_ms: i64,
    span: Span,
}

/// A reservation of a key. Settle it with [`IdempotencyKeys::answer`] or [`IdempotencyKeys::release`].
pub(super) struct Ticket {
    pub(super) key: Box<str>,
    pub(super) fingerprint: u64,
}

/// The decision about a request with a key.
pub(super) enum Admission {
    Fresh(Ticket),
    InFlight,
    OtherParameters,
    Answered(Span),
}

impl IdempotencyKeys {
    pub(super) fn new(window: Duration) -> Self {
        let window_ms = i64::try_from(window.as_millis()).unwrap_or(i64::MAX);
        Self { window_ms, records: HashMap::new(), by_age: VecDeque::new() }
    }

    pub(super) fn admit(&mut self, key: &str, fingerprint: u64) -> Admission {
        self.forget_before(now_ms().saturating_sub(self.window_ms));
        match self.records.get(&hash(key)) {
            Some(record) if record.fingerprint != fingerprint => Admission::OtherParameters,
            Some(KeyRecord { answer: Some(answered), .. }) => Admission::Answered(answered.span),
            Some(KeyRecord { answer: None, .. }) => Admission::InFlight,
            None => {
                self.records.insert(hash(key), KeyRecord { fingerprint, answer: None });
                Admission::Fresh(Ticket { key: key.into(), fingerprint })
            }
        }
    }

    /// Notes the first answer of a key: it is at `span` of the log.
    pub(super) fn answer(&mut self, key: &str, fingerprint: u64, at_ms: i64, span: Span) {
        let answer = Some(Answered { at_ms, span });
        self.records.insert(hash(key), KeyRecord { fingerprint, answer });
        self.by_age.push_back((at_ms, hash(key)));
    }

    /// Releases a key without an answer. A key with an answer stays.
    pub(super) fn release(&mut self, ticket: &Ticket) {
        let id = hash(&ticket.key);
        if self.records.get(&id).is_some_and(|record| record.answer.is_none()) {
            self.records.remove(&id);
        }
    }

    fn forget_before(&mut self, horizon_ms: i64) {
        while let Some(&(at_ms, id)) = self.by_age.front()
            && at_ms <= horizon_ms
        {
            self.by_age.pop_front();
            // A key that was used again after it was forgotten has a newer answer.
            let old = |answered: Answered| answered.at_ms == at_ms;
            if self.records.get(&id).is_some_and(|record| record.answer.is_some_and(old)) {
                self.records.remove(&id);
            }
        }
    }
}

fn hash(key: &str) -> u128 {
    digest::wide(&[b"key", key.as_bytes()])
}
