//! The interface of payment providers, and their possible answers.

use std::error::Error;
use std::future::Future;
use std::time::{Duration, SystemTime};

use despatch_domain::Money;

/// A payment provider. `reference` is always the provider's own name of what checkout authorised. A second request
/// under the same `key` gets the first answer again.
pub trait Provider: Send + Sync + 'static {
    /// The provider's name in an order's tenders.
    const NAME: &'static str;

    /// How long a key is sure to repeat its first answer, counted from just before the first request.
    const KEYS_KEPT: Duration;

    /// Captures `amount` of the authorisation.
    fn capture(
        &self,
        reference: &str,
        amount: Money,
        key: &str,
    ) -> impl Future<Output = Result<Captured, ProviderError>> + Send;

    /// Refunds `amount` of the capture. The provider keeps `refund_id` with the refund.
    fn refund(
        &self,
        reference: &str,
        amount: Money,
        refund_id: &str,
        key: &str,
    ) -> impl Future<Output = Result<Refunded, ProviderError>> + Send;

    /// Voids the authorisation.
    fn void(&self, reference: &str, key: &str) -> impl Future<Output = Result<(), ProviderError>> + Send;

    /// Returns the payment as it is now.
    fn look_up(&self, reference: &str) -> impl Future<Output = Result<Payment, ProviderError>> + Send;

    /// Returns every refund of the payment, made by this worker or by anybody else.
    fn refunds(&self, reference: &str) -> impl Future<Output = Result<Refunds, ProviderError>> + Send;

    /// Returns a dispute as it is now.
    fn dispute(&self, reference: &str) -> impl Future<Output = Result<Dispute, ProviderError>> + Send;
}

/// A payment, as the provider has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payment {
    /// The status of what the customer authorised.
    pub status: AuthorisationStatus,
    /// The amount that the customer authorised; `None` if the provider does not say.
    pub amount: Option<Money>,
    /// The checkout's notes at the provider: names of an order's fields with values, and other keys.
    pub metadata: Vec<(String, String)>,
    /// Whether the provider's risk rules want a person to look at it, and nobody has yet.
    pub is_under_review: bool,
}

/// A capture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Captured {
    /// The provider's reference of the capture.
    pub reference: String,
    /// The amount captured.
    pub amount: Money,
}

/// A refund.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refunded {
    /// The provider's reference of the refund.
    pub reference: String,
}

/// The refunds of a payment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Refunds {
    /// Those that were made or are under way.
    pub made: Vec<MadeRefund>,
    /// The provider's references of those that did not reach the customer.
    pub failed: Vec<String>,
}

/// A dispute: the customer asked the bank for the money back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dispute {
    /// The stage of the dispute.
    pub status: DisputeStatus,
    /// The provider's reference of the disputed payment.
    pub payment: String,
    /// The disputed amount.
    pub amount: Money,
    /// The customer's reason, in the provider's words, e.g. `product_not_received`.
    pub reason: String,
    /// The time until which the shop may answer, if it may.
    pub due_by: Option<SystemTime>,
}

/// The stage of a dispute. Won and lost are final.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DisputeStatus {
    /// The shop may send evidence.
    NeedsResponse,
    /// The bank has the shop's evidence.
    UnderReview,
    /// The money stays with the shop.
    Won,
    /// The money went back to the customer.
    Lost,
}

/// A refund, as the provider has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MadeRefund {
    /// The provider's reference of the refund.
    pub reference: String,
    /// The id under which this worker asked for it; `None` if somebody else did.
    pub refund_id: Option<String>,
    /// The amount refunded.
    pub amount: Money,
}

/// The status of an authorisation. Captured and cancelled are final.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AuthorisationStatus {
    /// It can be captured.
    Authorised,
    /// It was captured.
    Captured(Captured),
    /// The capture is under way, and the provider does not know its outcome yet.
    Processing,
    /// It was voided or expired.
    Cancelled,
    /// The customer has not completed the payment, so there is nothing to capture yet.
    Unfinished,
}

/// Why a request to the provider failed.
#[derive(Debug, thiserror::Error)]
pub enum ProviderError {
    /// The card's issuer declines. Definite.
    #[error("the card was declined: {code}")]
    Declined {
        /// The issuer's reason, in the provider's words.
        code: String,
    },
    /// The authorisation's status does not allow the request. Definite.
    #[error("the authorisation does not allow this: {0:?}")]
    NotAllowed(AuthorisationStatus),
    /// All of the money was refunded before. Definite.
    #[error("the payment is refunded already")]
    AlreadyRefunded,
    /// The request asks for more than there is. Definite.
    #[error("the amount is refused: {message}")]
    AmountRefused {
        /// The provider's words.
        message: String,
    },
    /// The provider refuses our key; it did nothing with the request.
    #[error("the provider refuses our key: {message}")]
    Unauthorised {
        /// The provider's words.
        message: String,
    },
    /// The provider refuses the request itself. Definite.
    #[error("the provider refuses the request: {code}: {message}")]
    Refused {
        /// The provider's code.
        code: String,
        /// The provider's words.
        message: String,
    },
    /// The provider asks for fewer requests; it did nothing with this one.
    #[error("the provider is busy for {} s", after.as_secs_f32())]
    Busy {
        /// The time to wait.
        after: Duration,
    },
    /// The provider failed, and repeats the same answer permanently under this key. Only a look-up can tell whether
    /// anything happened.
    #[error("the provider failed: {message}")]
    Failed {
        /// The provider's words.
        message: String,
    },
    /// The provider is still working on a request under this key.
    #[error("the provider is still working on an earlier request")]
    InProgress,
    /// No answer, or none that says what happened.
    #[error("no usable answer from the provider")]
    Unanswered(#[source] Box<dyn Error + Send + Sync>),
}
