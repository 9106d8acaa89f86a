//! Refused webhooks: a log line and a count, by shop and reason.
//!
//! A refusal is an answer that stays the same however often the webhook is sent, until the shop or the configuration
//! changes. Answers 409 and 5xx are not refusals, because the same webhook may be accepted later.

use std::sync::LazyLock;

use despatch_domain::text::truncate;
use opentelemetry::metrics::Counter;
use opentelemetry::{KeyValue, global};

use super::error::{ApiError, Credential};

static REFUSED: LazyLock<Counter<u64>> =
    LazyLock::new(|| global::meter("despatch").u64_counter("despatch.webhooks_refused").build());

/// The label for a webhook that names no configured shop.
const UNKNOWN: &str = "unknown";

/// The longest logged text of a sender, in characters.
const LONGEST_DETAIL: usize = 200;

/// Logs and counts an error if it is a refusal. `shop` is the configured shop that the webhook names, `source` the name
/// in the webhook. A metric's label never holds a sender's text; in the log such text is quoted.
pub(crate) fn note(channel: &'static str, shop: Option<&str>, source: &str, error: &ApiError) {
    let Some(reason) = reason(error) else { return };
    let shop = shop.unwrap_or(UNKNOWN);
    let labels = [
        KeyValue::new("channel", channel),
        KeyValue::new("shop", shop.to_owned()),
        KeyValue::new("reason", reason),
    ];
    REFUSED.add(1, &labels);
    let status = error.status().as_u16();
    let detail = truncate(detail(error, source), LONGEST_DETAIL);
    tracing::warn!(channel, shop, reason, status, ?detail, "webhook refused");
}

/// Returns the reason of the refusal; `None` if the same webhook may be accepted later.
fn reason(error: &ApiError) -> Option<&'static str> {
    let reason = match error {
        ApiError::Unauthorised(Credential::Shop) => "shop-unknown",
        ApiError::Unauthorised(Credential::Signature) => "signature-wrong",
        ApiError::Unauthorised(Credential::Token | Credential::ApiKey) => "token-wrong",
        ApiError::Invalid(_) => "body-invalid",
        ApiError::TooLarge { .. } => "body-too-large",
        ApiError::BodyIncomplete => "body-incomplete",
        ApiError::TooMany { .. } => "too-many",
        ApiError::RouteUnknown
        | ApiError::MethodUnknown
        | ApiError::LinkUnknown
        | ApiError::OrderUnknown
        | ApiError::LabelUnknown
        | ApiError::StockRequestUnknown
        | ApiError::SkuUnknown
        | ApiError::DeliveryUnknown
        | ApiError::StockRequestChanged
        | ApiError::OrderChanged { .. }
        | ApiError::LabelNotRecorded
        | ApiError::Unavailable { .. }
        | ApiError::Unpublished { .. }
        | ApiError::Rejected => return None,
    };
    Some(reason)
}

/// Returns a text that helps to find the cause. Of a body it is the field alone, because values may be personal.
fn detail<'a>(error: &'a ApiError, source: &'a str) -> &'a str {
    match error {
        ApiError::Unauthorised(Credential::Shop) => source,
        ApiError::Invalid(invalid) => &invalid.field,
        _ => "",
    }
}
