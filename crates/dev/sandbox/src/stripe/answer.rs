//! Answers to requests.

use serde_json::Value;

use super::refusal::Refusal;

/// A status and a JSON body.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: String,
    pub(super) replayed: bool,
}

impl From<Refusal> for Answer {
    fn from(refusal: Refusal) -> Self {
        Self { status: refusal.status, body: refusal.json().to_string(), replayed: false }
    }
}

impl From<Result<Value, Refusal>> for Answer {
    fn from(result: Result<Value, Refusal>) -> Self {
        match result {
            Ok(value) => Self { status: 200, body: value.to_string(), replayed: false },
            Err(refusal) => refusal.into(),
        }
    }
}
