//! Errors of payments, with their verdicts.

use std::time::Duration;

use despatch_domain::{Money, MoneyError, Reason, UnknownCurrency};
use despatch_runtime::{DbError, HandlerError, Verdict};

use crate::provider::{AuthorisationStatus, ProviderError};

/// How often a payment that is under review is looked at again.
const REVIEW_POLL: Duration = Duration::from_secs(300);

/// Why payments did not do what an event asks.
#[derive(Debug, thiserror::Error)]
pub enum PaymentError {
    /// The event carries no order.
    #[error("expected an event with an order, found none")]
    OrderMissing,
    /// The order costs something and has no tender.
    #[error("expected an authorisation to capture or a payment in the shop, found none")]
    AuthorisationMissing,
    /// The money is authorised at the shop's own payment provider, which despatch cannot ask.
    #[error("the payment is authorised at the shop, which has to capture it")]
    CaptureAtShop,
    /// The shop captured the payment, and the change of the order that says so has not come.
    #[error(
        "the payment was authorised at the shop when the order changed, and its capture has not been reported since"
    )]
    CaptureToCome,
    /// The shop says that it has not got the money yet.
    #[error("expected an order that is paid, found that {name:?} is pending")]
    NotPaid {
        /// The shop's name of the tender.
        name: String,
    },
    /// The order has several payments at our provider.
    #[error("expected one payment to capture, found several")]
    SeveralPayments,
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
    /// The amounts cannot be added.
    #[error(transparent)]
    Amount(#[from] MoneyError),
    /// The refund's units or amounts make no sense.
    #[error("expected a refund of {expected}, found {found}")]
    RefundInvalid {
        /// The fields of a refund.
        expected: &'static str,
        /// Those of this one.
        found: String,
    },
    /// The holder of the money was to give some back, and has not reported it.
    #[error("{provider} has to refund {amount}, and has not reported that")]
    RefundElsewhere {
        /// The holder, as the tender names it.
        provider: String,
        /// The amount, for people.
        amount: String,
    },
    /// The provider's risk rules want a person to look at the payment first.
    #[error("the payment is under review at the provider; a person has to approve it or refund it there")]
    UnderReview,
    /// The payment came under review after it was captured.
    #[error("{reference} came under review at the provider after it was captured")]
    ReviewedLate {
        /// The provider's reference of the payment.
        reference: String,
    },
    /// A refund that was made did not reach the customer.
    #[error("the refund {reference} of {amount} did not reach the customer; the shop has the money again")]
    RefundFailed {
        /// The provider's reference of the refund.
        reference: String,
        /// The amount, for people.
        amount: String,
    },
    /// The customer disputes the payment.
    #[error(
        "the customer disputes {amount} ({reason}) as {dispute}; {}; evidence: {evidence}",
        due_by.as_ref().map_or_else(|| "no answer is possible".to_owned(), |at| format!("answer at the provider until {at}"))
    )]
    Disputed {
        /// The provider's reference of the dispute.
        dispute: String,
        /// The disputed amount.
        amount: Money,
        /// The customer's reason, in the provider's words.
        reason: String,
        /// The end of the time for an answer, RFC 3339 in UTC.
        due_by: Option<String>,
        /// The evidence that counts for this reason.
        evidence: &'static str,
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
    /// A refund was reported that overtook the capture.
    #[error("the payment has not been captured yet")]
    NotCapturedYet,
    /// Another event about the same money was faster.
    #[error("the payment has changed meanwhile")]
    Overtaken,
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
            Self::AuthorisationMissing | Self::NotPaid { .. } => {
                Verdict::Reject(Reason::AuthorisationMissing)
            }
            Self::CaptureAtShop => Verdict::Reject(Reason::CaptureAtShop),
            Self::SeveralPayments | Self::ProviderForeign { .. } => Verdict::Reject(Reason::PaymentRejected),
            Self::Amount(_) | Self::RefundInvalid { .. } => Verdict::Reject(Reason::AmountInvalid),
            Self::RefundElsewhere { .. } => Verdict::Reject(Reason::RefundAtShop),
            Self::AuthorisationGone => Verdict::Reject(Reason::AuthorisationExpired),
            Self::Unproven { .. } => Verdict::Reject(Reason::PaymentUnproven),
            Self::Used { .. } => Verdict::Reject(Reason::PaymentUsed),
            Self::CurrencyUnknown(_) => Verdict::Reject(Reason::CurrencyUnknown),
            Self::AuthorisedOther { .. } | Self::CapturedOther { .. } => {
                Verdict::Reject(Reason::AmountMismatch)
            }
            Self::NotCapturedYet => Verdict::NotYet,
            // A person decides at the provider, which takes hours or days.
            Self::UnderReview => Verdict::Defer(REVIEW_POLL),
            Self::ReviewedLate { .. } => Verdict::Reject(Reason::PaymentUnderReview),
            Self::RefundFailed { .. } => Verdict::Reject(Reason::RefundFailed),
            Self::Disputed { .. } => Verdict::Reject(Reason::PaymentDisputed),
            Self::NothingCaptured => Verdict::Reject(Reason::CommandRefused),
            Self::CaptureToCome | Self::Overtaken | Self::Database(_) => Verdict::Retry,
            Self::Provider(error) => provider_verdict(error),
        }
    }
}

fn provider_verdict(error: &ProviderError) -> Verdict {
    match error {
        ProviderError::Declined { .. } => Verdict::Reject(Reason::CardDeclined),
        ProviderError::NotAllowed(AuthorisationStatus::Cancelled) => {
            Verdict::Reject(Reason::AuthorisationExpired)
        }
        // The provider says later.
        ProviderError::NotAllowed(AuthorisationStatus::Processing) => Verdict::PutOff,
        ProviderError::NotAllowed(
            AuthorisationStatus::Authorised
            | AuthorisationStatus::Captured(_)
            | AuthorisationStatus::Unfinished,
        )
        | ProviderError::Refused { .. } => Verdict::Reject(Reason::PaymentRejected),
        ProviderError::AmountRefused { .. } => Verdict::Reject(Reason::AmountMismatch),
        ProviderError::Unauthorised { .. } => Verdict::Refused,
        ProviderError::Busy { after } => Verdict::Down(*after),
        ProviderError::Failed { .. } | ProviderError::Unanswered(_) => Verdict::Down(Duration::ZERO),
        // The next try looks at how much is left.
        ProviderError::InProgress | ProviderError::AlreadyRefunded => Verdict::Retry,
    }
}
