//! Gauges that a worker defines.

/// A gauge that is read from a worker's database.
#[derive(Debug, Clone)]
pub struct SqlGauge {
    /// The name, without the unit. docs/metrics.md lists all names.
    pub name: &'static str,
    /// The unit: `s`, or empty for a count.
    pub unit: &'static str,
    /// The label besides the worker, and the label values that are 0 if the statement returns no row for them. `None`
    /// for a single figure.
    pub label: Option<(&'static str, Vec<&'static str>)>,
    /// Returns a row for each label value: the value as text, then the gauge as double precision. The runtime runs it
    /// every 15 seconds and cancels it after five.
    pub sql: &'static str,
}
