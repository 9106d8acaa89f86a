//! Configuration.

/// The worker's part of the configuration file.
#[derive(Debug, Clone, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Seconds for which units are held for an order whose payment has not been captured.
    pub reservation_seconds: u64,
    /// Above this value of its rows, in minor units of a currency, an adjustment is marked for a second person; 0 for never.
    pub second_person_above: i64,
}
