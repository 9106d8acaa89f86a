//! The meaning of Stripe's answers: its objects, as far as they are needed, and its errors
//! (<https://docs.stripe.com/api/errors>, <https://docs.stripe.com/error-codes>).

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use despatch_domain::{Currency, Money, UnknownCurrency};
use reqwest::StatusCode;
use reqwest::header::{HeaderMap, RETRY_AFTER};
use serde::Deserialize;

use super::units;
use crate::provider::{
    AuthorisationStatus, Captured, Dispute, DisputeStatus, MadeRefund, Payment, ProviderError, Refunded,
    Refunds,
};

/// How long to wait if Stripe is busy and does not say for how long.
const DEFAULT_PAUSE: Duration = Duration::from_secs(1);

/// The name under which a refund's metadata holds our id of it.
pub(super) const REFUND_ID: &str = "refund_id";

/// A PaymentIntent.
#[derive(Debug, Deserialize)]
pub(super) struct Intent {
    id: String,
    status: Status,
    amount: i64,
    /// Stripe always says this. Stand-ins leave it out, and send the charge whole.
    amount_received: Option<i64>,
    currency: String,
    latest_charge: Option<Charge>,
    #[serde(default)]
    metadata: BTreeMap<String, String>,
    /// The id of the review that Stripe's risk rules opened, if they did. It stays when the review is closed.
    review: Option<String>,
}

/// The review of a payment by a person.
#[derive(Debug, Deserialize)]
pub(super) struct Review {
    pub(super) open: bool,
}

/// A charge: its id, or the whole object where it is expanded.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Charge {
    Id(String),
    Whole { id: String, amount: i64 },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Status {
    RequiresCapture,
    Succeeded,
    Canceled,
    Processing,
    /// The customer has not completed it: `requires_action` and the like.
    #[serde(other)]
    Unfinished,
}

/// An object without a required field.
#[derive(Debug, thiserror::Error)]
enum Unintelligible {
    #[error(transparent)]
    Currency(#[from] UnknownCurrency),
    #[error("expected the amount received, found none")]
    NothingReceived,
    #[error("{amount} {currency} is finer than the currency")]
    Amount { amount: i64, currency: Currency },
}

impl Intent {
    pub(super) fn review_id(&self) -> Option<&str> {
        self.review.as_deref()
    }

    pub(super) fn payment(
        self,
        is_under_review: bool,
        order_keys: &BTreeMap<String, String>,
    ) -> Result<Payment, ProviderError> {
        let amount = self.money(self.amount).map_err(unintelligible)?;
        let field = |(key, value): (&String, &String)| {
            let field = order_keys.get(key).unwrap_or(key);
            (!field.is_empty()).then(|| (field.clone(), value.clone()))
        };
        let metadata = self.metadata.iter().filter_map(field).collect();
        Ok(Payment { status: self.authorisation_status()?, amount: Some(amount), metadata, is_under_review })
    }

    pub(super) fn authorisation_status(self) -> Result<AuthorisationStatus, ProviderError> {
        match self.status {
            Status::RequiresCapture => Ok(AuthorisationStatus::Authorised),
            Status::Canceled => Ok(AuthorisationStatus::Cancelled),
            Status::Processing => Ok(AuthorisationStatus::Processing),
            Status::Unfinished => Ok(AuthorisationStatus::Unfinished),
            Status::Succeeded => {
                let captured = self.captured();
                captured.map(AuthorisationStatus::Captured).map_err(unintelligible)
            }
        }
    }

    fn captured(self) -> Result<Captured, Unintelligible> {
        let (charge, of_charge) = match self.latest_charge {
            Some(Charge::Id(id)) => (Some(id), None),
            Some(Charge::Whole { id, amount }) => (Some(id), Some(amount)),
            None => (None, None),
        };
        let received = self.amount_received.or(of_charge).ok_or(Unintelligible::NothingReceived)?;
        Ok(Captured { reference: charge.unwrap_or(self.id), amount: money(received, &self.currency)? })
    }

    fn money(&self, amount: i64) -> Result<Money, Unintelligible> {
        money(amount, &self.currency)
    }
}

fn money(amount: i64, currency: &str) -> Result<Money, Unintelligible> {
    let currency = Currency::parse(&currency.to_ascii_uppercase())?;
    units::from_wire(amount, currency).ok_or(Unintelligible::Amount { amount, currency })
}

/// A refund.
#[derive(Debug, Deserialize)]
pub(super) struct Refund {
    id: String,
    amount: i64,
    currency: String,
    status: RefundStatus,
    #[serde(default)]
    metadata: BTreeMap<String, String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum RefundStatus {
    Failed,
    Canceled,
    /// `succeeded`, or still in progress: `pending` and `requires_action`.
    #[serde(other)]
    UnderWay,
}

impl Refund {
    pub(super) fn made(self) -> Result<Refunded, ProviderError> {
        match self.status {
            RefundStatus::UnderWay => Ok(Refunded { reference: self.id }),
            RefundStatus::Failed | RefundStatus::Canceled => Err(ProviderError::Refused {
                code: "refund_failed".into(),
                message: format!("the refund {} did not go through", self.id),
            }),
        }
    }
}

/// A page of refunds.
#[derive(Debug, Deserialize)]
pub(super) struct RefundList {
    data: Vec<Refund>,
}

impl RefundList {
    pub(super) fn refunds(self) -> Result<Refunds, ProviderError> {
        let mut refunds = Refunds::default();
        for mut refund in self.data {
            match refund.status {
                RefundStatus::Failed | RefundStatus::Canceled => refunds.failed.push(refund.id),
                RefundStatus::UnderWay => {
                    let refund_id = refund.metadata.remove(REFUND_ID);
                    let amount = money(refund.amount, &refund.currency).map_err(unintelligible)?;
                    refunds.made.push(MadeRefund { reference: refund.id, refund_id, amount });
                }
            }
        }
        Ok(refunds)
    }
}

/// A dispute.
#[derive(Debug, Deserialize)]
pub(super) struct DisputeObject {
    amount: i64,
    currency: String,
    payment_intent: Option<String>,
    reason: String,
    status: DisputeState,
    #[serde(default)]
    evidence_details: EvidenceDetails,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum DisputeState {
    WarningNeedsResponse,
    NeedsResponse,
    WarningUnderReview,
    UnderReview,
    WarningClosed,
    Won,
    Lost,
    /// The bank took it back before it began.
    Prevented,
}

#[derive(Debug, Default, Deserialize)]
struct EvidenceDetails {
    /// Seconds since 1970.
    due_by: Option<u64>,
}

impl DisputeObject {
    pub(super) fn dispute(self) -> Result<Dispute, ProviderError> {
        let status = match self.status {
            DisputeState::WarningNeedsResponse | DisputeState::NeedsResponse => DisputeStatus::NeedsResponse,
            DisputeState::WarningUnderReview | DisputeState::UnderReview => DisputeStatus::UnderReview,
            DisputeState::WarningClosed | DisputeState::Won | DisputeState::Prevented => DisputeStatus::Won,
            DisputeState::Lost => DisputeStatus::Lost,
        };
        Ok(Dispute {
            status,
            payment: self.payment_intent.unwrap_or_default(),
            amount: money(self.amount, &self.currency).map_err(unintelligible)?,
            reason: self.reason,
            due_by: self.evidence_details.due_by.map(|at| SystemTime::UNIX_EPOCH + Duration::from_secs(at)),
        })
    }
}

fn unintelligible(error: Unintelligible) -> ProviderError {
    ProviderError::Unanswered(Box::new(error))
}

#[derive(Debug, Default, Deserialize)]
struct Refusal {
    error: Details,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Details {
    r#type: String,
    code: Option<String>,
    decline_code: Option<String>,
    message: String,
    payment_intent: Option<Intent>,
}

/// Stripe's answer was not a success.
#[derive(Debug, thiserror::Error)]
#[error("HTTP {status}: {message}")]
struct Undecided {
    status: StatusCode,
    message: String,
}

/// Returns Stripe's words about a refusal, if it is Stripe's.
pub(super) fn message(body: &[u8]) -> Option<String> {
    serde_json::from_slice::<Refusal>(body).ok().map(|refusal| refusal.error.message)
}

/// Returns the meaning of an answer that is not a success.
pub(super) fn error(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> ProviderError {
    // A proxy before Stripe may answer with a body of its own.
    let refusal: Option<Refusal> = serde_json::from_slice(body).ok();
    let spoken = refusal.is_some();
    let details = refusal.unwrap_or_default().error;
    let replayed = headers.get("idempotent-replayed").is_some_and(|value| value == "true");
    match status.as_u16() {
        429 => ProviderError::Busy { after: wait(headers) },
        401 | 403 => ProviderError::Unauthorised { message: details.message },
        409 => ProviderError::InProgress,
        400..=499 if spoken => definite(details),
        // Stripe keeps its own failure under the key; that of a proxy before it is not kept.
        500..=599 if spoken && (status == StatusCode::INTERNAL_SERVER_ERROR || replayed) => {
            ProviderError::Failed { message: details.message }
        }
        _ => ProviderError::Unanswered(Box::new(Undecided { status, message: details.message })),
    }
}

fn definite(details: Details) -> ProviderError {
    let Details { r#type, code, decline_code, message, payment_intent } = details;
    let code = code.unwrap_or_default();
    match (r#type.as_str(), code.as_str()) {
        (_, "payment_intent_unexpected_state") => match payment_intent.map(Intent::authorisation_status) {
            Some(Ok(status)) => ProviderError::NotAllowed(status),
            Some(Err(error)) => error,
            None => ProviderError::Refused { code, message },
        },
        (_, "capture_charge_authorization_expired" | "charge_expired_for_capture") => {
            ProviderError::NotAllowed(AuthorisationStatus::Cancelled)
        }
        (_, "charge_already_refunded") => ProviderError::AlreadyRefunded,
        (_, "amount_too_large" | "amount_too_small") => ProviderError::AmountRefused { message },
        ("card_error", _) => ProviderError::Declined { code: decline_code.unwrap_or(code) },
        (kind, "") => ProviderError::Refused { code: kind.to_owned(), message },
        (_, _) => ProviderError::Refused { code, message },
    }
}

fn wait(headers: &HeaderMap) -> Duration {
    let seconds = headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
    seconds.map_or(DEFAULT_PAUSE, Duration::from_secs)
}
