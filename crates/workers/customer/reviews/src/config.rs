//! Configuration.

use std::fmt;

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
    /// The secret that signs the links; the gateway needs the same.
    pub link_secret: String,
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
