//! Stripe's error object: <https://docs.stripe.com/api/errors>.

use serde_json::{Map, Value, json};

use crate::faults::Fault;

/// An error in Stripe's format.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) status: u16,
    error: Map<String, Value>,
}

impl Refusal {
    fn new(status: u16, kind: &str, message: impl Into<String>) -> Self {
        let error = [("type".to_owned(), kind.into()), ("message".to_owned(), message.into().into())];
        Self { status, error: Map::from_iter(error) }
    }

    fn invalid(message: impl Into<String>) -> Self {
        Self::new(400, "invalid_request_error", message)
    }

    fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.error.insert(name.to_owned(), value.into());
        self
    }

    fn code(self, code: &str) -> Self {
        let page = code.replace('_', "-");
        self.with("code", code).with("doc_url", format!("https://stripe.com/docs/error-codes/{page}"))
    }

    pub(super) fn no_api_key() -> Self {
        let message = "You did not provide an API key: send it as `Authorization: Bearer sk_test_…`.";
        Self::new(401, "invalid_request_error", message)
    }

    pub(super) fn bad_api_key() -> Self {
        let message = "Invalid API Key provided: the sandbox takes sk_test_… keys.";
        Self::new(401, "invalid_request_error", message)
    }

    /// Returns the answer of a fault that hits a request before it is read.
    pub(super) fn unread(fault: Fault) -> Option<Self> {
        match fault {
            Fault::RateLimited => Some(Self::rate_limited()),
            Fault::Refused => {
                Some(Self::new(401, "invalid_request_error", "Expired API Key provided: it was replaced."))
            }
            Fault::Outage => Some(Self::new(503, "api_error", "Stripe is out of service.")),
            Fault::Decline
            | Fault::ServerError
            | Fault::Slow
            | Fault::Timeout
            | Fault::Duplicate
            | Fault::OutOfOrder => None,
        }
    }

    pub(super) fn no_such_url(method: &str, path: &str) -> Self {
        Self::new(404, "invalid_request_error", format!("Unrecognized request URL ({method}: {path})."))
    }

    pub(super) fn missing(param: &str) -> Self {
        let message = format!("Missing required param: {param}.");
        Self::invalid(message).code("parameter_missing").with("param", param)
    }

    pub(super) fn bad_integer(param: &str, value: &str) -> Self {
        let message = format!("Invalid integer: {value}");
        Self::invalid(message).code("parameter_invalid_integer").with("param", param)
    }

    pub(super) fn bad_value(param: &str, message: impl Into<String>) -> Self {
        Self::invalid(message).with("param", param)
    }

    pub(super) fn unknown_param(param: &str) -> Self {
        let message = format!("Received unknown parameter: {param}");
        Self::invalid(message).code("parameter_unknown").with("param", param)
    }

    pub(super) fn malformed(message: impl Into<String>) -> Self {
        Self::invalid(message)
    }

    /// Returns the error for an unknown object. `param` names it, and may be the part of the URL called `intent`.
    pub(super) fn no_such(object: &str, id: &str, param: &str) -> Self {
        let message = format!("No such {object}: '{id}'");
        Self::new(404, "invalid_request_error", message).code("resource_missing").with("param", param)
    }

    pub(super) fn unexpected_state(message: impl Into<String>, intent: Value) -> Self {
        Self::invalid(message).code("payment_intent_unexpected_state").with("payment_intent", intent)
    }

    pub(super) fn amount_too_large(param: &str, message: impl Into<String>) -> Self {
        Self::invalid(message).code("amount_too_large").with("param", param)
    }

    pub(super) fn already_refunded(charge: &str) -> Self {
        let message = format!("Charge {charge} has already been refunded.");
        Self::invalid(message).code("charge_already_refunded").with("charge", charge)
    }

    /// Returns a 402: the card's bank declines, for the reason `decline_code`.
    pub(super) fn declined(decline_code: &str, charge: String, intent: Value) -> Self {
        Self::new(402, "card_error", "Your card was declined.")
            .code("card_declined")
            .with("decline_code", decline_code)
            .with("charge", charge)
            .with("payment_intent", intent)
    }

    pub(super) fn bad_key() -> Self {
        Self::new(400, "idempotency_error", "Idempotency keys are 1 to 255 characters of ASCII.")
    }

    pub(super) fn key_reused(key: &str) -> Self {
        let message = format!("The idempotency key '{key}' was first used with other parameters.");
        Self::new(400, "idempotency_error", message)
    }

    pub(super) fn key_in_use(key: &str) -> Self {
        let message = format!("Another request with the idempotency key '{key}' is still in progress.");
        Self::new(409, "idempotency_error", message).code("idempotency_key_in_use")
    }

    pub(super) fn rate_limited() -> Self {
        let message = "Too many requests hit the API too quickly.";
        Self::new(429, "rate_limit_error", message).code("rate_limit")
    }

    pub(super) fn server_error() -> Self {
        Self::new(500, "api_error", "An unknown error occurred.")
    }

    pub(super) fn json(&self) -> Value {
        json!({ "error": self.error })
    }
}
