//! Errors of notifying customers, with their verdicts.

use despatch_domain::Reason;
use despatch_runtime::{DbError, HandlerError, Verdict};

use crate::message::ComposeError;
use crate::smtp::SmtpError;

/// Why a customer was not notified.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotifyError {
    /// The database failed.
    #[error(transparent)]
    Database(#[from] DbError),
    /// The event lacks a required part.
    #[error("event: expected {0}, found none")]
    Incomplete(&'static str),
    /// The order's contact is not stored yet, because its acceptance is still on the way.
    #[error("the order's contact is not stored yet")]
    ContactUnknown,
    /// The message cannot be written.
    #[error(transparent)]
    Compose(#[from] ComposeError),
    /// The mail server failed or refused.
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
                Verdict::Reject(Reason::MessageUnwritable)
            }
            NotifyError::Smtp(error) => error.verdict(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_defect_of_the_program_is_not_the_mail_server_s_refusal() {
        let template = minijinja::Error::new(minijinja::ErrorKind::UndefinedError, "no order");
        let unwritten = NotifyError::Compose(ComposeError::Template(template));
        assert_eq!(unwritten.verdict(), Verdict::Reject(Reason::MessageUnwritable));
    }
}
