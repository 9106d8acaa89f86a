//! The gateway that a command places and cancels orders at.

use despatch_order_files::{GatewayClient, PlaceError};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::StatusCode;
use serde::Deserialize;

use crate::args::GatewayArgs;
use crate::config::Config;
use crate::local::DataDir;
use crate::output::next_command;
use crate::result::{Result, hinted};

/// Where the key of a gateway is found.
const KEY_HINT: &str =
    "--api-key KEY or DESPATCH_API_KEY: one of gateway.api_keys in the gateway's configuration";

/// A gateway that answers.
pub(crate) struct Gateway {
    pub(crate) client: GatewayClient,
    /// The sandbox that authorises payments there, if it is one of this machine without a real provider.
    pub(crate) sandbox: Option<String>,
}

/// The gateway of the command line; or the one of this machine's `up`; or the one that the configuration names.
pub(crate) async fn connect(config: &Config, data_dir: &DataDir, args: &GatewayArgs) -> Result<Gateway> {
    let address = if args.url.is_some() { None } else { data_dir.address()? };
    let configured = (&config.shop.public_url, config.gateway.api_keys.first());
    let (url, key, sandbox) = match (&args.url, address, configured) {
        (Some(url), _, (_, key)) => {
            let key = args.api_key.as_ref().or(key);
            let key = key.ok_or_else(|| hinted(format!("the gateway at {url} asks for a key"), KEY_HINT))?;
            (url.clone(), key.clone(), None)
        }
        (None, Some(address), _) => (address.gateway_url, address.api_key, address.sandbox_stripe_url),
        (None, None, (url, Some(key))) if !url.is_empty() => (url.clone(), key.clone(), None),
        (None, None, _) => {
            let dir = data_dir.path().display();
            let hint = format!(
                "{}, or --data-dir DIR, or --url URL with --api-key KEY for another gateway",
                next_command("up")
            );
            return Err(hinted(format!("no despatch runs in {dir}"), hint));
        }
    };
    let client = GatewayClient::new(&url, &key)?;
    if client.is_there().await.is_err() {
        let hint = match args.url {
            Some(_) => "despatch doctor, where its workers run".to_owned(),
            None => next_command("up"),
        };
        return Err(hinted(format!("no gateway answers at {url}"), hint));
    }
    Ok(Gateway { client, sandbox })
}

/// The problem of a request.
#[derive(Debug, Deserialize)]
pub(crate) struct Problem {
    pub(crate) message: String,
    /// The path of the wrong field; empty if the whole is wrong.
    #[serde(default)]
    pub(crate) field: String,
}

/// Returns what is wrong with a request that the gateway refused; `None` if it says nothing that can be read.
pub(crate) fn problem(error: &PlaceError) -> Option<Problem> {
    #[derive(Deserialize)]
    struct Body {
        error: Problem,
    }
    let PlaceError::Refused { answer, .. } = error else { return None };
    serde_json::from_str(answer).ok().map(|Body { error }| error)
}

/// Returns the gateway's reason for a refusal.
pub(crate) fn refusal(error: &PlaceError) -> String {
    match (problem(error), error) {
        (Some(Problem { message, field }), _) if field.is_empty() => message,
        (Some(Problem { message, field }), _) => format!("{field}: {message}"),
        (None, PlaceError::Refused { status, answer }) => format!("{status}: {answer}"),
        (None, PlaceError::Unreachable(_)) => error.to_string(),
    }
}

/// Returns the error of a request that was not done; `again` says what helps if the gateway does not answer.
pub(crate) fn not_done(error: &PlaceError, again: &str) -> Box<dyn std::error::Error + Send + Sync> {
    match error {
        PlaceError::Unreachable(_) => {
            let start = next_command("doctor");
            let hint = if again.is_empty() { start } else { format!("{start}; then {again}") };
            hinted(format!("the gateway does not answer: {}", despatch_runtime::error_chain(error)), hint)
        }
        PlaceError::Refused { status: StatusCode::UNAUTHORIZED, .. } => {
            hinted("the gateway refuses the API key", KEY_HINT)
        }
        PlaceError::Refused { .. } => refusal(error).into(),
    }
}

/// Writes a text as one part of a path.
pub(crate) fn in_path(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

/// Returns the error that every further request would meet too: no answer, or a wrong key.
pub(crate) fn final_error(error: &PlaceError) -> Option<Box<dyn std::error::Error + Send + Sync>> {
    match error {
        PlaceError::Unreachable(_) => Some(hinted(
            format!("the gateway does not answer any more: {}", despatch_runtime::error_chain(error)),
            "start despatch again, then import again: what is placed stays placed",
        )),
        PlaceError::Refused { status: StatusCode::UNAUTHORIZED, .. } => {
            Some(hinted("the gateway refuses the API key", KEY_HINT))
        }
        PlaceError::Refused { .. } => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(status: StatusCode, answer: &str) -> PlaceError {
        PlaceError::Refused { status, answer: answer.to_owned() }
    }

    #[test]
    fn a_refusal_is_told_by_its_field_and_message() {
        let body =
            r#"{"error": {"code": "invalid", "message": "expected a number", "field": "lines[0].total"}}"#;
        assert_eq!(refusal(&refused(StatusCode::BAD_REQUEST, body)), "lines[0].total: expected a number");
        let body = r#"{"error": {"code": "order-changed", "message": "it was placed before"}}"#;
        assert_eq!(refusal(&refused(StatusCode::CONFLICT, body)), "it was placed before");
        assert_eq!(refusal(&refused(StatusCode::BAD_GATEWAY, "<html>")), "502 Bad Gateway: <html>");
    }

    #[test]
    fn a_wrong_key_ends_it_and_an_order_that_is_refused_does_not() {
        assert!(final_error(&refused(StatusCode::UNAUTHORIZED, "")).is_some());
        assert!(final_error(&refused(StatusCode::BAD_REQUEST, "")).is_none());
    }
}
