//! The target of tracking webhooks.

use axum::http::Uri;

use crate::error::SandboxError;
use crate::webhooks;

/// The URL that tracking webhooks are posted to, with the token.
#[derive(Clone, Debug)]
pub(crate) struct WebhookTarget(Uri);

impl WebhookTarget {
    /// Returns `<gateway_url>/webhooks/shippo`, with `?token=…` if there is a token.
    pub(crate) fn new(gateway_url: &str, token: Option<&str>) -> Result<Self, SandboxError> {
        webhooks::address(gateway_url, "shippo", token.map(|token| ("token", token))).map(Self)
    }

    pub(super) fn uri(&self) -> Uri {
        self.0.clone()
    }
}
