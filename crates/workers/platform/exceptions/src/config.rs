//! The worker's configuration.

use despatch_calendar::{CalendarConfig, CalendarProblem};
use serde::Deserialize;

/// The settings of cases: `[exceptions]` in its configuration.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The hours that service levels are counted in.
    pub calendar: CalendarConfig,
    /// An order's total from which its cases are one step more urgent, in minor units of its currency; 0 for never.
    pub high_value_minor: i64,
    /// An order's total below which its cases are one step less urgent, in minor units of its currency; 0 for never.
    pub low_value_minor: i64,
    /// The interval, in seconds, at which the monitor looks for what operators must be alerted of; at least 1.
    pub monitor_seconds: u64,
}

/// A fault in the configuration. Its message begins with the key and a colon.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// The calendar is none.
    #[error("exceptions.calendar.{0}")]
    Calendar(#[from] CalendarProblem),
}
