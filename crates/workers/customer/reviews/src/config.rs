//! Configuration.

use std::fmt;

use despatch_domain::link::{self, SecretTooShort};
use serde::Deserialize;

/// The schedule and the links of review requests.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Time from the delivery of the last parcel to the first request; may be 0.
    pub ask_after_seconds: u64,
    /// Times of the reminders, each counted from the first request, in ascending order.
    pub reminders_seconds: Vec<u64>,
    /// Time from the last reminder (or the first request, if there is none) until the review lapses.
    pub lapse_after_seconds: u64,
    /// The address at which customers reach the gateway, e.g. `https://shop.example.com`.
    pub public_url: String,
    /// The secret that signs links, at least 32 bytes; the gateway needs the same.
    pub link_secret: String,
}

/// A defect of the configuration. Its message begins with the key and a colon.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// Customers could not follow the link.
    #[error("reviews.public_url: expected the gateway's URL as customers reach it, found nothing")]
    PublicUrlMissing,
    /// With a short secret, anyone could sign links.
    #[error("reviews.link_secret: {0}")]
    LinkSecret(#[from] SecretTooShort),
}

impl Config {
    /// Lists all defects, each with its key.
    pub fn problems(&self) -> Vec<SetupError> {
        let public_url = self.public_url.is_empty().then_some(SetupError::PublicUrlMissing);
        let secret = link::check_secret(self.link_secret.as_bytes()).err().map(SetupError::from);
        public_url.into_iter().chain(secret).collect()
    }
}

/// Leaves out the secret.
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
