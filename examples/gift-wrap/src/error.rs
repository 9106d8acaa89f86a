//! The errors of this worker and their verdicts.

use despatch_domain::Reason;
use despatch_runtime::{DbError, HandlerError, Verdict};

/// Why a parcel was not wrapped.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WrapError {
    #[error("the event carries no {0}")]
    Incomplete(&'static str),
    #[error(transparent)]
    Database(#[from] DbError),
}

impl HandlerError for WrapError {
    fn verdict(&self) -> Verdict {
        match self {
            WrapError::Incomplete(_) => Verdict::Reject(Reason::PayloadUndecodable),
            WrapError::Database(_) => Verdict::Retry,
        }
    }
}
