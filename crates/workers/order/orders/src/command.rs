//! The common part of commands about an order: their requester, and why one is not decided yet.

use despatch_runtime::{DbError, HandlerError, Verdict};

/// Why a request was not decided.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CommandError {
    /// The request may overtake the order's acceptance.
    #[error("the order has not been accepted yet")]
    NotYet,
    #[error(transparent)]
    Database(#[from] DbError),
}

impl HandlerError for CommandError {
    fn verdict(&self) -> Verdict {
        match self {
            CommandError::NotYet => Verdict::NotYet,
            CommandError::Database(_) => Verdict::Retry,
        }
    }
}

/// Names the requester and, where one is known, the person.
pub(crate) fn by(requested_by: &str, person: &str) -> String {
    [requested_by, person].into_iter().filter(|name| !name.is_empty()).collect::<Vec<_>>().join(" ")
}
