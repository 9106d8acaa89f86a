//! What payments asks of the provider that holds the money, and what can come back.

use std::error::Error;
use std::future::Future;
use std::time::Duration;

use despatch_domain::Money;

/// A payment provider. `reference` is always the provider's own name of what checkout authorised; a request under a
/// `key` that was answered before gets the first answer again.
pub trait Provider: Send + Sync + 'static {
    /// What an order's authorisation calls the provider.
    const NAME: &'static str;

    /// Takes `amount` of what was authorised.
    fn capture(
        &self,
        reference: &str,
        amount: Money,
        key: &str,
    ) -> impl Future<Output = Result<Captured, ProviderError>> + Send;

    /// Gives `amount` of what was captured back.
    fn refund(
        &self,
        reference: &str,
        amount: Money,
        key: &str,
    ) -> impl Future<Output = Result<Refunded, ProviderError>> + Send;

    /// Lets go of what was authorised.
    fn void(&self, reference: &str, key: &str) -> impl Future<Output = Result<(), ProviderError>> + Send;

    /// The status of an authorisation now.
    fn look_up(
        &self,
        reference: &str,
    ) -> impl Future<Output = Result<AuthorisationStatus, ProviderError>> + Send;

    /// A refund of exactly this amount that was made before, by us or by hand.
    fn look_up_refund(
        &self,
        reference: &str,
        amount: Money,
    ) -> impl Future<Output = Result<Option<Refunded>, ProviderError>> + Send;
}

/// Money that was taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Captured {
    /// The provider's own reference of the capture.
    pub reference: String,
    /// What was really taken.
    pub amount: Money,
}

/// Money that was given back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refunded {
    /// The provider's own reference of the refund.
    pub reference: String,
}

/// The status of an authorisation. Captured and cancelled are final.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AuthorisationStatus {
    /// It can be captured.
    Authorised,
    /// It was captured.
    Captured(Captured),
    /// It was let go, or ran out.
    Cancelled,
    /// The customer's part is not done: there is nothing to capture yet.
    Unfinished,
}

/// Why a request to the provider did not succeed.
#[derive(Debug, thiserror::Error)]
pub enum ProviderError {
    /// The card's issuer says no. Definite.
    #[error("the card was declined: {code}")]
    Declined {
        /// The issuer's reason, in the provider's words.
        code: String,
    },
    /// The authorisation's status does not allow the request. Definite.
    #[error("the authorisation does not allow this: {0:?}")]
    NotAllowed(AuthorisationStatus),
    /// All of the money went back before. Definite.
    #[error("the payment is refunded already")]
    AlreadyRefunded,
    /// The request asks for more than there is. Definite.
    #[error("the amount is refused: {message}")]
    AmountRefused {
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
    /// The provider wants fewer requests; it did nothing with this one.
    #[error("the provider is busy for {} s", after.as_secs_f32())]
    Busy {
        /// How long to wait.
        after: Duration,
    },
    /// The provider failed, and will give the same answer permanently under this key. Whether anything happened, only a
    /// look-up can tell.
    #[error("the provider failed: {message}")]
    Failed {
        /// The provider's words.
        message: String,
    },
    /// The provider is still at work on a request under this key.
    #[error("the provider is still working on an earlier request")]
    InProgress,
    /// No answer, or none that says what happened.
    #[error("no usable answer from the provider")]
    Unanswered(#[source] Box<dyn Error + Send + Sync>),
}
