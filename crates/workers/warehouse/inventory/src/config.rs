//! Configuration.

/// The worker's part of the configuration file.
#[derive(Debug, Clone, Default, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Seconds for which units are held for an order whose payment has not been captured.
    pub reservation_seconds: u64,
    /// Above this value of its rows, in minor units of a currency, an adjustment is marked for a second person; 0 for never.
    pub second_person_above: i64,
    /// Hours from the due time of a supplier's delivery until it is overdue.
    pub delivery_grace_hours: u32,
    /// For how many days the units of an article should last, unless the article says it; 0 for no alert.
    pub cover_days: u32,
    /// Over how many days the units that are sold per day are measured, at least 1.
    pub cover_window_days: u32,
}
