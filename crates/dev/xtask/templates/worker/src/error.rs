//! The errors of this worker and their verdicts.

use despatch_domain::Reason;
use despatch_runtime::{DbError, HandlerError, Verdict};

/// Why an order was not noted.
#[derive(Debug, thiserror::Error)]
pub(crate) enum {{Name}}Error {
    #[error("the event carries no order")]
    NoOrder,
    #[error(transparent)]
    Database(#[from] DbError),
}

impl HandlerError for {{Name}}Error {
    fn verdict(&self) -> Verdict {
        match self {
            {{Name}}Error::NoOrder => Verdict::Reject(Reason::PayloadUndecodable),
            {{Name}}Error::Database(_) => Verdict::Retry,
        }
    }
}
