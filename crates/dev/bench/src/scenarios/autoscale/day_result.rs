//! The results of days, for `--json` and the chart.

use serde::{Deserialize, Serialize};

use super::day::Day;
use super::run_day::{DayLog, Reading};
use crate::measure::report::Report;
use crate::measure::spread::Spread;

/// The results of all days.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct AutoscaleResult {
    pub(crate) day: Day,
    /// The capacity of one process.
    pub(crate) messages_per_second: f64,
    pub(crate) days: Vec<DayResult>,
}

/// The result of a complete day.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct DayResult {
    pub(crate) processes: Processes,
    pub(crate) messages: usize,
    /// The longest delay with which a message was placed.
    pub(crate) latest_ms: f64,
    pub(crate) most_pending: u64,
    /// The age of the oldest message, over all readings of the day.
    pub(crate) oldest_seconds: Spread,
    /// The average number of processes until the end of the day.
    pub(crate) average: f64,
    pub(crate) readings: Vec<Reading>,
}

/// The number of processes: fixed, or as the scaler asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Processes {
    Fixed(usize),
    LagThreshold(u64),
}

impl std::fmt::Display for Processes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(&match self {
            Processes::Fixed(1) => "1 process".to_owned(),
            Processes::Fixed(processes) => format!("{processes} processes"),
            Processes::LagThreshold(lag) => format!("KEDA, {lag}"),
        })
    }
}

impl DayResult {
    #[expect(clippy::cast_precision_loss, reason = "a few processes, a few hundred readings")]
    pub(crate) fn new(day: Day, processes: Processes, log: DayLog) -> Self {
        let DayLog { messages, latest_ms, readings } = log;
        let within: Vec<f64> = readings
            .iter()
            .filter(|reading| reading.seconds <= day.seconds)
            .map(|reading| reading.working as f64)
            .collect();
        DayResult {
            processes,
            messages,
            latest_ms,
            most_pending: readings.iter().map(|reading| reading.pending).max().unwrap_or_default(),
            oldest_seconds: Spread::of(readings.iter().map(|reading| reading.oldest_seconds)),
            average: within.iter().sum::<f64>() / within.len() as f64,
            readings,
        }
    }

    pub(crate) fn add_to(&self, report: &mut Report) {
        report.line(
            &self.processes.to_string(),
            format!(
                "oldest {:.1} s at most, {:.1} s median; up to {} pending; {:.2} processes on average; {} messages, \
                 placed up to {:.0} ms late",
                self.oldest_seconds.max,
                self.oldest_seconds.median,
                self.most_pending,
                self.average,
                self.messages,
                self.latest_ms,
            ),
        );
    }
}

/// Formats an hour.
pub(crate) fn time_of_day(hour: f64) -> String {
    format!("{:02.0}:00", hour % 24.0)
}
