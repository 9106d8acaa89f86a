//! Gauges of a worker's own.

/// A gauge that is looked up in a worker's database.
#[derive(Debug, Clone)]
pub struct SqlGauge {
    /// Its name, without the unit. All are in docs/metrics.md.
    pub name: &'static str,
    /// `s`, or nothing for a count.
    pub unit: &'static str,
    /// Its label besides the worker, and the values of it that are nought where the statement has no row for them. `None`
    /// for a single figure.
    pub label: Option<(&'static str, Vec<&'static str>)>,
    /// Answers a row for each value of the label: that as text, then the gauge as double precision. It is asked every 15
    /// seconds and cut off after five.
    pub sql: &'static str,
}
