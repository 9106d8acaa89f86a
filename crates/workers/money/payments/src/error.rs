//! Errors of payments, with their verdicts.

use std::time::Duration;

use despatch_domain::{Money, Reason, UnknownCurrency};
use despatch_runtime::{DbError, HandlerError, Verdict};

use crate::provider::{AuthorisationStatus, ProviderError};

/// Why payments did not do what an event asks.
#[derive(Debug, thiserror::Error)]
pub enum PaymentError {
    /// The event carries no order.
    #[error("expected an event with an order, found none")]
    OrderMissing,
    /// The order costs something and has no authorisation.
    #[error("expected an authorisation to capture, found none")]
    AuthorisationMissing,
    /// The authorisation expired or was cancelled, although the order was not.
    #[error("the authorisation is no longer valid")]
    AuthorisationGone,
    /// The reference is from a field that customers can set, and the payment does not say that it is this order's.
    #[error("expected the metadata of {reference} to have {}, found none of it", expected.join(" or "))]
    Unproven {
        /// The provider's reference of the payment.
        reference: String,
        /// The values of which one would prove it, e.g. `order_id "1001"`.
        expected: Vec<String>,
    },
    /// Another order has this payment.
    #[error("expected a payment of this order alone, found that {reference} is the payment of {by}")]
    Used {
        /// The provider's reference of the payment.
        reference: String,
        /// The subject of the other order.
        by: String,
    },
    /// The order's currency does not exist.
    #[error(transparent)]
    CurrencyUnknown(#[from] UnknownCurrency),
    /// The amount authorised is not what the order costs.
    #[error("{authorised} was authorised for an order of {total}")]
    AuthorisedOther {
        /// The amount that checkout authorised.
        authorised: Money,
        /// The order's total.
        total: Money,
    },
    /// The amount captured is not what the order costs.
    #[error("{captured} was captured for an order of {total}, as {reference}")]
    CapturedOther {
        /// The amount captured.
        captured: Money,
        /// The order's total.
        total: Money,
        /// The provider's reference of the capture.
        reference: String,
    },
    /// The money is at a provider that this worker does not use.
    #[error("expected an authorisation at {expected:?}, the configured provider, found {found:?}")]
    ProviderForeign {
        /// The provider that the authorisation names.
        found: String,
        /// The worker's provider.
        expected: &'static str,
    },
    /// Nothing was captured that could be refunded.
    #[error("expected a captured payment, found none")]
    NothingCaptured,
    /// The provider did not do it.
    #[error(transparent)]
    Provider(#[from] ProviderError),
    /// The database failed.
    #[error(transparent)]
    Database(#[from] DbError),
}

impl PaymentError {
    /// Returns an error unless the money is at this worker's provider.
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
            Self::Unproven { .. } => Verdict::Reject(Reason::PaymentUnproven),
            Self::Used { .. } => Verdict::Reject(Reason::PaymentUsed),
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
        ProviderError::Unauthorised { .. } => Verdict::Refused,
        ProviderError::Busy { after } => Verdict::Down(*after),
        ProviderError::Failed { .. } | ProviderError::Unanswered(_) => Verdict::Down(Duration::ZERO),
        ProviderError::InProgress => Verdict::Retry,
    }
}
