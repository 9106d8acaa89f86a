//! The connection to Shippo.

use serde::Deserialize;

/// The connection to Shippo.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ShippoConfig {
    /// The address without a trailing slash, e.g. `https://api.goshippo.com`. If it is empty, no rule may name Shippo.
    pub base_url: String,
    /// The API token, without the word `ShippoToken`.
    pub token: String,
    /// The longest wait for an answer.
    pub timeout_seconds: u64,
    /// Seconds for which a request whose answer was lost may still take effect. A second try waits this long before it
    /// looks for the label that the first may have bought.
    pub settle_seconds: u64,
}

/// Why no client of Shippo can be created.
#[derive(Debug, thiserror::Error)]
pub enum UnusableClient {
    /// Not a URL.
    #[error("base_url: {0}")]
    BaseUrl(String),
    /// The token cannot be sent in a header. It is a secret, so the error does not repeat it.
    #[error("token: expected printable ASCII, found other characters")]
    Token,
    /// The HTTP client cannot be created.
    #[error("{0}")]
    Http(#[from] reqwest::Error),
}

impl ShippoConfig {
    pub(crate) fn is_complete(&self) -> bool {
        !self.base_url.is_empty() && !self.token.is_empty()
    }
}

/// Leaves out the token.
impl std::fmt::Debug for ShippoConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ShippoConfig").field("base_url", &self.base_url).finish_non_exhaustive()
    }
}
