//! Configuration.

/// The worker's part of the configuration file.
#[derive(Debug, Clone, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Seconds for which units are held for an order whose payment has not been captured.
    pub reservation_seconds: u64,
}
