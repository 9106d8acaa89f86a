//! How to reach Shippo.

use serde::Deserialize;

/// How to reach Shippo.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ShippoConfig {
    /// Without a trailing slash, e.g. `https://api.goshippo.com`. Empty: no rule may name Shippo.
    pub base_url: String,
    /// The API token, without the word `ShippoToken`.
    pub token: String,
    /// The longest wait for an answer.
    pub timeout_seconds: u64,
    /// How long a request whose answer was lost may still take effect. A second try waits this long before it looks for
    /// the label that the first may have bought.
    pub settle_seconds: u64,
}

/// Why there is no client of Shippo.
#[derive(Debug, thiserror::Error)]
pub enum UnusableClient {
    /// Not a URL.
    #[error("base_url: {0}")]
    BaseUrl(String),
    /// Cannot be sent in a header. It is a secret, so it is not repeated.
    #[error("token: expected the token's letters alone, without the word ShippoToken")]
    Token,
    /// The HTTP client could not be made.
    #[error("{0}")]
    Http(#[from] reqwest::Error),
}

impl ShippoConfig {
    pub(crate) fn is_complete(&self) -> bool {
        !self.base_url.is_empty() && !self.token.is_empty()
    }
}

/// Without the token.
impl std::fmt::Debug for ShippoConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ShippoConfig").field("base_url", &self.base_url).finish_non_exhaustive()
    }
}
