//! Webhooks that are refused: a line in the log and a count, by shop and reason.
//!
//! A refusal is an answer that stays the same however often the webhook is sent: the shop or the configuration has to
//! change. What is answered 409 or 5xx is not among them, because a webhook that is sent again is taken.

use std::sync::LazyLock;

use despatch_domain::text::truncate;
use opentelemetry::metrics::Counter;
use opentelemetry::{KeyValue, global};

use super::error::{ApiError, Credential};

static REFUSED: LazyLock<Counter<u64>> =
    LazyLock::new(|| global::meter("despatch").u64_counter("despatch.webhooks_refused").build());

/// The shop of a webhook that names none that is configured.
const UNKNOWN: &str = "unknown";

/// The longest text of a sender that is logged, in characters.
const LONGEST_DETAIL: usize = 200;

/// Logs and counts an error if it is a refusal. `shop` is the name of the configured shop that the webhook says it is
/// from, `source` is what it says. A label is never a sender's text; in the log such text is quoted.
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

/// Why the webhook is refused; `None` where the same webhook may be taken later.
fn reason(error: &ApiError) -> Option<&'static str> {
    let reason = match error {
        ApiError::Unauthorised(Credential::Shop) => "shop-unknown",
        ApiError::Unauthorised(Credential::Signature) => "signature-wrong",
        ApiError::Unauthorised(Credential::Token | Credential::ApiKey) => "token-wrong",
        ApiError::TopicUnsupported(_) => "topic-unsupported",
        ApiError::Invalid(_) => "body-invalid",
        ApiError::TooLarge { .. } => "body-too-large",
        ApiError::BodyIncomplete => "body-incomplete",
        ApiError::TooMany { .. } => "too-many",
        ApiError::RouteUnknown
        | ApiError::MethodUnknown
        | ApiError::LinkUnknown
        | ApiError::OrderUnknown
        | ApiError::LabelUnknown
        | ApiError::OrderChanged { .. }
        | ApiError::LabelNotRecorded
        | ApiError::Unavailable { .. }
        | ApiError::Rejected => return None,
    };
    Some(reason)
}

/// A text that helps to find the cause. Of a body only the field is told: values may be personal.
fn detail<'a>(error: &'a ApiError, source: &'a str) -> &'a str {
    match error {
        ApiError::Unauthorised(Credential::Shop) => source,
        ApiError::TopicUnsupported(invalid) => &invalid.problem,
        ApiError::Invalid(invalid) => &invalid.field,
        _ => "",
    }
}
