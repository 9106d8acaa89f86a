//! What can go wrong with a payment, and what is to happen then.

use despatch_domain::{Money, Reason, UnknownCurrency};
use despatch_runtime::{DbError, HandlerError, Verdict};

use crate::provider::{AuthorisationStatus, ProviderError};

/// Why payments did not do what an event asks.
#[derive(Debug, thiserror::Error)]
pub enum PaymentError {
    /// The event carries no order.
    #[error("the event carries no order")]
    OrderMissing,
    /// The order costs something and nothing was authorised.
    #[error("the order has nothing authorised to capture")]
    AuthorisationMissing,
    /// The authorisation ran out or was cancelled, though the order was not.
    #[error("the authorisation is no longer valid")]
    AuthorisationGone,
    /// The order's currency does not exist.
    #[error(transparent)]
    CurrencyUnknown(#[from] UnknownCurrency),
    /// What was authorised is not what the order costs.
    #[error("{authorised} was authorised for an order of {total}")]
    AuthorisedOther {
        /// What checkout authorised.
        authorised: Money,
        /// What the order costs.
        total: Money,
    },
    /// What was captured is not what the order costs.
    #[error("{captured} was captured for an order of {total}, as {reference}")]
    CapturedOther {
        /// What the provider took.
        captured: Money,
        /// What the order costs.
        total: Money,
        /// The provider's reference of the capture.
        reference: String,
    },
    /// The money is with a provider that this worker does not speak to.
    #[error("authorised at {found:?}, but this worker speaks to {expected:?}")]
    ProviderForeign {
        /// The provider that the authorisation names.
        found: String,
        /// The worker's own.
        expected: &'static str,
    },
    /// A refund of what was never captured.
    #[error("nothing was captured for this order")]
    NothingCaptured,
    /// The provider did not do it.
    #[error(transparent)]
    Provider(#[from] ProviderError),
    /// The database failed.
    #[error(transparent)]
    Database(#[from] DbError),
}

impl PaymentError {
    /// An error unless the money is with the provider that this worker speaks to.
    pub(crate) fn unless_ours(found: &str, expected: &'static str) -> Result<(), PaymentError> {
        if found == expected {
            Ok(())
        } else {
            Err(Self::ProviderForeign { found: found.to_owned(), expected })
        }
    }
}

impl HandlerError for PaymentError {
    fn verdict(&self) -> Verdict {
        match self {
            Self::OrderMissing => Verdict::Reject(Reason::PayloadUndecodable),
            Self::AuthorisationMissing => Verdict::Reject(Reason::AuthorisationMissing),
            Self::AuthorisationGone => Verdict::Reject(Reason::AuthorisationExpired),
            Self::CurrencyUnknown(_) => Verdict::Reject(Reason::CurrencyUnknown),
            Self::AuthorisedOther { .. } | Self::CapturedOther { .. } => {
                Verdict::Reject(Reason::AmountMismatch)
            }
            Self::ProviderForeign { .. } => Verdict::Reject(Reason::PaymentRejected),
            Self::NothingCaptured => Verdict::Reject(Reason::CommandRefused),
            Self::Provider(error) => provider_verdict(error),
            Self::Database(_) => Verdict::Retry,
        }
    }
}

fn provider_verdict(error: &ProviderError) -> Verdict {
    match error {
        ProviderError::Declined { .. } => Verdict::Reject(Reason::CardDeclined),
        ProviderError::NotAllowed(AuthorisationStatus::Cancelled) => {
            Verdict::Reject(Reason::AuthorisationExpired)
        }
        ProviderError::NotAllowed(
            AuthorisationStatus::Authorised
            | AuthorisationStatus::Captured(_)
            | AuthorisationStatus::Unfinished,
        )
        | ProviderError::AlreadyRefunded
        | ProviderError::Refused { .. } => Verdict::Reject(Reason::PaymentRejected),
        ProviderError::AmountRefused { .. } => Verdict::Reject(Reason::AmountMismatch),
        ProviderError::Busy { after } => Verdict::RetryAfter(*after),
        ProviderError::Failed { .. } | ProviderError::InProgress | ProviderError::Unanswered(_) => {
            Verdict::Retry
        }
    }
}
