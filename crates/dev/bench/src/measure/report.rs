//! The output: a median with the smallest and the largest figure, for people or as JSON.

use std::fmt;

use hdrhistogram::Histogram;
use serde_json::{Value, json};

use crate::measure::run::Run;
use crate::measure::spread::Spread;
use crate::measure::usage::{Shares, load_average};
use crate::result::Result;

/// Adds several runs of the same as fields of a report.
pub(crate) fn runs(report: &mut Report, runs: &[Run]) {
    let steps = Spread::of(runs.iter().map(|run| run.orders_per_second() * 5.0));
    report.spread("steps_per_second", "steps/s", steps);
    rates(report, "orders_per_second", "orders/s", runs);
}

/// Adds several runs that are not of five steps.
pub(crate) fn rates(report: &mut Report, name: &str, label: &str, runs: &[Run]) {
    report.spread(name, label, Spread::of(runs.iter().map(Run::orders_per_second)));
    costs(report, runs);
}

/// Adds the costs of runs.
pub(crate) fn costs(report: &mut Report, runs: &[Run]) {
    let cpu: Vec<Shares<f64>> = runs.iter().map(|run| run.per_order(run.usage.cpu_ms)).collect();
    let written: Vec<Shares<f64>> = runs.iter().map(|run| run.per_order(run.usage.written_kib)).collect();
    let memory: Vec<Shares<f64>> = runs.iter().map(|run| run.usage.rss_mb).collect();
    report.shares("cpu_ms_per_order", "CPU-ms an order", Shares::of(&cpu, |all| Spread::of(all).median));
    report.shares(
        "written_kib_per_order",
        "KiB written an order",
        Shares::of(&written, |all| Spread::of(all).median),
    );
    report.shares("rss_mb", "memory MB, peak", Shares::of(&memory, |all| Spread::of(all).max));
    let worker = Spread::of(runs.iter().map(|run| run.usage.worker_mb)).max;
    if worker > 0.0 {
        report.line("of one worker", decimals(worker));
        report.field("worker_mb", worker);
    }
}

/// Returns a quantile of times in microseconds, in milliseconds.
#[expect(clippy::cast_precision_loss, reason = "microseconds up to a minute")]
pub(crate) fn milliseconds(times: &Histogram<u64>, quantile: f64) -> f64 {
    times.value_at_quantile(quantile) as f64 / 1e3
}

/// Lines for people, and the same as a JSON object.
pub(crate) struct Report {
    lines: Vec<String>,
    fields: serde_json::Map<String, Value>,
    load_before: f64,
}

impl Report {
    /// Creates a report, which begins with the machine's load.
    pub(crate) fn new(what: &str) -> Self {
        let mut report =
            Report { lines: Vec::new(), fields: serde_json::Map::new(), load_before: load_average() };
        report.field("what", what);
        report
    }

    /// Adds a field without a line.
    pub(crate) fn field(&mut self, name: &str, value: impl Into<Value>) {
        self.fields.insert(name.to_owned(), value.into());
    }

    /// Adds a line without a field.
    pub(crate) fn line(&mut self, label: &str, text: impl fmt::Display) {
        self.lines.push(format!("{label:<18} {text}"));
    }

    pub(crate) fn spread(&mut self, name: &str, label: &str, spread: Spread) {
        self.line(label, spread);
        self.field(name, json!(spread));
    }

    pub(crate) fn shares(&mut self, name: &str, label: &str, shares: Shares<f64>) {
        let text = |share: Option<f64>| share.map_or_else(|| "?".to_owned(), decimals);
        let (ours, nats, postgres) = (Some(shares.despatch), shares.nats, shares.postgres);
        let mut line = format!("despatch {}, NATS {}, Postgres {}", text(ours), text(nats), text(postgres));
        if let (Some(nats), Some(postgres)) = (nats, postgres) {
            line = format!("{line}; together {}", decimals(shares.despatch + nats + postgres));
        }
        self.line(label, line);
        self.field(name, json!(shares));
    }

    /// Adds another report as a field; its lines follow under its name.
    pub(crate) fn part(&mut self, name: &str, part: Report) {
        self.lines.push(format!("{name}:"));
        self.lines.extend(part.lines.into_iter().map(|line| format!("  {line}")));
        self.field(name, part.fields);
    }

    /// Prints it, with the machine.
    pub(crate) fn print(mut self, as_json: bool) -> Result {
        let cores = std::thread::available_parallelism().map_or(0, usize::from);
        let (before, after) = (self.load_before, load_average());
        self.line("machine", format!("{cores} cores, load average {before:.1} before, {after:.1} after"));
        self.field(
            "machine",
            json!({ "cores": cores, "load_average": { "before": before, "after": after } }),
        );
        if as_json {
            println!("{}", serde_json::to_string(&self.fields)?);
        } else {
            println!("{}", self.lines.join("\n"));
        }
        Ok(())
    }
}

/// Formats a figure with about three digits.
fn decimals(figure: f64) -> String {
    match figure {
        ..10.0 => format!("{figure:.3}"),
        ..100.0 => format!("{figure:.1}"),
        _ => format!("{figure:.0}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_objects_of_their_own() {
        let mut part = Report::new("flow");
        part.spread("orders_per_second", "orders/s", Spread::of([1.0]));
        let mut whole = Report::new("guard");
        whole.part("flow", part);
        assert_eq!(whole.fields["flow"]["orders_per_second"]["median"], 1.0);
        assert!(whole.lines.iter().any(|line| line.starts_with("  orders/s")));
    }
}
