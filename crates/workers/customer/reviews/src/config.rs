//! What can be configured.

use std::fmt;

use despatch_domain::link::{self, SecretTooShort};
use serde::Deserialize;

/// When and with which link customers are asked.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// From the delivery of the last parcel to the first ask; may be 0.
    pub ask_after_seconds: u64,
    /// When to remind, each counted from the first ask, in ascending order.
    pub reminders_seconds: Vec<u64>,
    /// From the last reminder (or the first ask, when there is none) until the customer is not asked any more.
    pub lapse_after_seconds: u64,
    /// Where customers reach the gateway, e.g. `https://shop.example.com`.
    pub public_url: String,
    /// The secret that signs links, at least 32 bytes; the gateway needs the same.
    pub link_secret: String,
}

/// A fault in the configuration. Its message begins with the key and a colon.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// Customers could not follow the link.
    #[error("reviews.public_url: expected the gateway's URL as customers reach it, found nothing")]
    PublicUrlMissing,
    /// Links that anyone could sign.
    #[error("reviews.link_secret: {0}")]
    LinkSecret(#[from] SecretTooShort),
}

impl Config {
    /// Everything that is wrong with it, each with its key.
    pub fn problems(&self) -> Vec<SetupError> {
        let public_url = self.public_url.is_empty().then_some(SetupError::PublicUrlMissing);
        let secret = link::check_secret(self.link_secret.as_bytes()).err().map(SetupError::from);
        public_url.into_iter().chain(secret).collect()
    }
}

/// Everything but the secret.
impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("ask_after_seconds", &self.ask_after_seconds)
            .field("reminders_seconds", &self.reminders_seconds)
            .field("lapse_after_seconds", &self.lapse_after_seconds)
            .field("public_url", &self.public_url)
            .finish_non_exhaustive()
    }
}
