//! Why a customer was not notified, and what is to be done about it.

use despatch_domain::Reason;
use despatch_runtime::{DbError, HandlerError, Verdict};

use crate::message::ComposeError;
use crate::smtp::SmtpError;

/// Why a customer was not notified.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotifyError {
    /// The database did not do as asked.
    #[error(transparent)]
    Database(#[from] DbError),
    /// The event lacks what makes it one.
    #[error("the event names no {0}")]
    Incomplete(&'static str),
    /// The order's contact is not stored yet: its acceptance is still on the way.
    #[error("the order's contact is not known yet")]
    ContactUnknown,
    /// The message cannot be written.
    #[error(transparent)]
    Compose(#[from] ComposeError),
    /// The mail server's side.
    #[error(transparent)]
    Smtp(#[from] SmtpError),
}

impl HandlerError for NotifyError {
    fn verdict(&self) -> Verdict {
        match self {
            NotifyError::Database(_) => Verdict::Retry,
            NotifyError::Incomplete(_) => Verdict::Reject(Reason::PayloadUndecodable),
            NotifyError::ContactUnknown => Verdict::NotYet,
            NotifyError::Compose(ComposeError::Address(_)) => Verdict::Reject(Reason::RecipientRejected),
            NotifyError::Compose(ComposeError::Template(_) | ComposeError::Message(_)) => {
                Verdict::Reject(Reason::MessageRejected)
            }
            NotifyError::Smtp(error) => error.verdict(),
        }
    }
}
