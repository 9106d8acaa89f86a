//! Answers in Shippo's format, and the parsing of a request's JSON.

use axum::http::StatusCode;
use serde_json::{Value, json};

/// A status and Shippo's JSON for it.
pub(super) type Answer = (StatusCode, Value);

/// Returns a 400 in Shippo's format: the defect, by field.
pub(super) fn invalid(field: &str, message: &str) -> Answer {
    (StatusCode::BAD_REQUEST, json!({ field: [message] }))
}

pub(super) fn not_found() -> Answer {
    (StatusCode::NOT_FOUND, json!({ "detail": "Not found." }))
}

pub(super) fn write_failed(error: &std::io::Error) -> Answer {
    tracing::error!(%error, "sandbox state write failed");
    (StatusCode::INTERNAL_SERVER_ERROR, json!({ "detail": "A server error occurred." }))
}

pub(super) fn parse<T: serde::de::DeserializeOwned>(body: &[u8]) -> Result<T, Answer> {
    // serde would read a list as the fields in their order.
    if body.trim_ascii_start().first() != Some(&b'{') {
        return Err(invalid("__all__", "Invalid data. Expected a dictionary."));
    }
    serde_json::from_slice(body).map_err(|error| invalid("__all__", &format!("JSON parse error: {error}")))
}
