//! The target of tracking webhooks.

use axum::http::Uri;
use url::Url;

use crate::error::SandboxError;

/// The URL that tracking webhooks are posted to, with the token.
#[derive(Clone, Debug)]
pub(crate) struct WebhookTarget(Uri);

impl WebhookTarget {
    /// Returns `<gateway_url>/webhooks/shippo`, with `?token=…` if there is a token.
    pub(crate) fn new(gateway_url: &str, token: Option<&str>) -> Result<Self, SandboxError> {
        let refused = || SandboxError::WebhookTarget { url: gateway_url.to_owned() };
        let mut url = Url::parse(gateway_url).map_err(|_| refused())?;
        if url.scheme() != "http" || !url.has_host() {
            return Err(refused());
        }
        url.path_segments_mut().map_err(|()| refused())?.pop_if_empty().extend(["webhooks", "shippo"]);
        if let Some(token) = token {
            url.query_pairs_mut().append_pair("token", token);
        }
        url.as_str().parse().map(Self).map_err(|_| refused())
    }

    pub(super) fn uri(&self) -> Uri {
        self.0.clone()
    }
}
