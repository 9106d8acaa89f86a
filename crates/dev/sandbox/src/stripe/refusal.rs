//! Stripe's error object: <https://docs.stripe.com/api/errors>.

use serde_json::{Map, Value, json};

/// An answer that is an error, in Stripe's shape.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) status: u16,
    kind: &'static str,
    code: Option<&'static str>,
    decline_code: Option<Box<str>>,
    message: String,
    param: Option<String>,
    intent: Option<Value>,
    charge: Option<String>,
}

impl Refusal {
    fn new(status: u16, kind: &'static str, message: impl Into<String>) -> Self {
        Self {
            status,
            kind,
            code: None,
            decline_code: None,
            message: message.into(),
            param: None,
            intent: None,
            charge: None,
        }
    }

    fn invalid(message: impl Into<String>) -> Self {
        Self::new(400, "invalid_request_error", message)
    }

    pub(super) fn no_api_key() -> Self {
        Self::new(
            401,
            "invalid_request_error",
            "You did not provide an API key: send it as `Authorization: Bearer sk_test_…`.",
        )
    }

    pub(super) fn bad_api_key() -> Self {
        Self::new(401, "invalid_request_error", "Invalid API Key provided: the sandbox takes sk_test_… keys.")
    }

    pub(super) fn no_such_url(method: &str, path: &str) -> Self {
        Self::new(404, "invalid_request_error", format!("Unrecognized request URL ({method}: {path})."))
    }

    pub(super) fn missing(param: &str) -> Self {
        let refusal = Self::invalid(format!("Missing required param: {param}."));
        Self { code: Some("parameter_missing"), param: Some(param.into()), ..refusal }
    }

    pub(super) fn bad_integer(param: &str, value: &str) -> Self {
        let refusal = Self::invalid(format!("Invalid integer: {value}"));
        Self { code: Some("parameter_invalid_integer"), param: Some(param.into()), ..refusal }
    }

    pub(super) fn bad_value(param: &str, message: impl Into<String>) -> Self {
        Self { param: Some(param.into()), ..Self::invalid(message) }
    }

    pub(super) fn unknown_param(param: &str) -> Self {
        let refusal = Self::invalid(format!("Received unknown parameter: {param}"));
        Self { code: Some("parameter_unknown"), param: Some(param.into()), ..refusal }
    }

    pub(super) fn malformed(message: impl Into<String>) -> Self {
        Self::invalid(message)
    }

    /// No such object, named in the URL (404) as `intent` or in a parameter.
    pub(super) fn no_such(object: &str, id: &str, param: &str) -> Self {
        let refusal = Self::new(404, "invalid_request_error", format!("No such {object}: '{id}'"));
        Self { code: Some("resource_missing"), param: Some(param.into()), ..refusal }
    }

    pub(super) fn unexpected_state(message: impl Into<String>, intent: Value) -> Self {
        Self { code: Some("payment_intent_unexpected_state"), intent: Some(intent), ..Self::invalid(message) }
    }

    pub(super) fn amount_too_large(param: &str, message: impl Into<String>) -> Self {
        let refusal = Self::invalid(message);
        Self { code: Some("amount_too_large"), param: Some(param.into()), ..refusal }
    }

    pub(super) fn already_refunded(charge: &str) -> Self {
        let refusal = Self::invalid(format!("Charge {charge} has already been refunded."));
        Self { code: Some("charge_already_refunded"), charge: Some(charge.into()), ..refusal }
    }

    /// 402: the card's bank says no, for the reason `decline_code`.
    pub(super) fn declined(decline_code: &str, charge: String, intent: Value) -> Self {
        Self {
            code: Some("card_declined"),
            decline_code: Some(decline_code.into()),
            intent: Some(intent),
            charge: Some(charge),
            ..Self::new(402, "card_error", "Your card was declined.")
        }
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
        Self { code: Some("idempotency_key_in_use"), ..Self::new(409, "idempotency_error", message) }
    }

    pub(super) fn rate_limited() -> Self {
        let refusal = Self::new(429, "rate_limit_error", "Too many requests hit the API too quickly.");
        Self { code: Some("rate_limit"), ..refusal }
    }

    pub(super) fn server_error() -> Self {
        Self::new(500, "api_error", "An unknown error occurred.")
    }

    pub(super) fn json(&self) -> Value {
        let mut error = Map::new();
        error.insert("type".into(), self.kind.into());
        error.insert("message".into(), self.message.as_str().into());
        if let Some(code) = self.code {
            error.insert("code".into(), code.into());
            let page = code.replace('_', "-");
            error.insert("doc_url".into(), format!("https://stripe.com/docs/error-codes/{page}").into());
        }
        if let Some(decline_code) = self.decline_code.as_deref() {
            error.insert("decline_code".into(), decline_code.into());
        }
        if let Some(param) = &self.param {
            error.insert("param".into(), param.as_str().into());
        }
        if let Some(charge) = &self.charge {
            error.insert("charge".into(), charge.as_str().into());
        }
        if let Some(intent) = &self.intent {
            error.insert("payment_intent".into(), intent.clone());
        }
        json!({ "error": error })
    }
}
