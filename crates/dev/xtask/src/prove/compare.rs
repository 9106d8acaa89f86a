//! Runs two `bench` binaries on the same machine in turn. Figures drift with other load on the machine. The ratio of
//! two runs in direct succession drifts less, and the median of several ratios less still.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::error::TaskError;
use crate::metadata::{self, cargo};
use crate::run::{output, succeeds};

const USAGE: &str = "cargo xtask prove compare BASE_BINARY_DIR [ROUNDS]";

const ROUNDS: usize = 5;

/// The lowest accepted ratio to the base.
const AT_LEAST: f64 = 0.95;

/// A figure of one of bench's commands.
struct Figure {
    name: &'static str,
    command: &'static [&'static str],
    /// The figure's place in the output of `--json`.
    pointer: &'static str,
    more_is_better: bool,
    /// Whether the claim depends on it. Others are shown only.
    counts: bool,
}

const FIGURES: [Figure; 6] = [
    Figure {
        name: "guard: flow / floor",
        command: &["guard", "--lanes", "1", "--batch", "512"],
        pointer: "/ratio/median",
        more_is_better: true,
        counts: true,
    },
    Figure {
        name: "guard: orders/s",
        command: &["guard", "--lanes", "1", "--batch", "512"],
        pointer: "/flow/orders_per_second/median",
        more_is_better: true,
        counts: false,
    },
    Figure {
        name: "latency: p50 ms",
        command: &["latency"],
        pointer: "/p50_ms",
        more_is_better: false,
        counts: true,
    },
    Figure {
        name: "latency: p99 ms",
        command: &["latency"],
        pointer: "/p99_ms",
        more_is_better: false,
        counts: false,
    },
    Figure {
        name: "flash-sale: decisions/s",
        command: &["flash-sale"],
        pointer: "/decisions_per_second/median",
        more_is_better: true,
        counts: true,
    },
    Figure {
        name: "gateway: orders/s",
        command: &["gateway"],
        pointer: "/orders_per_second/median",
        more_is_better: true,
        counts: true,
    },
];

/// Builds today's bench, runs both, and compares them.
pub(crate) fn run(args: &[String]) -> Result<bool, TaskError> {
    let (base, rounds) = match args {
        [dir] => (dir, ROUNDS),
        [dir, rounds] => (dir, rounds.parse().map_err(|_| TaskError::Usage(USAGE.to_owned()))?),
        _ => return Err(TaskError::Usage(USAGE.to_owned())),
    };
    if !succeeds(Command::new(cargo()).args(["build", "--release", "-p", "bench"]))? {
        return Ok(false);
    }
    let base = Path::new(base).join("bench");
    let today = metadata::workspace()?.target.join("release/bench");
    compare(rounds, |build, command| match build {
        Build::Base => once(&base, command),
        Build::Today => once(&today, command),
    })
}

/// The build of a bench.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Build {
    Base,
    Today,
}

/// Runs both in turn, prints each round and the medians, and returns whether every figure that counts is good enough.
fn compare(
    rounds: usize,
    mut once: impl FnMut(Build, &[&str]) -> Result<Value, TaskError>,
) -> Result<bool, TaskError> {
    let mut ratios: Vec<Vec<f64>> = FIGURES.iter().map(|_| Vec::new()).collect();
    for round in 0..rounds {
        let mut measured: Option<(&[&str], Value, Value)> = None;
        for (figure, ratios) in FIGURES.iter().zip(&mut ratios) {
            if measured.as_ref().is_none_or(|(command, ..)| *command != figure.command) {
                // The first one changes from round to round.
                let (base, today) = if round.is_multiple_of(2) {
                    let base = once(Build::Base, figure.command)?;
                    (base, once(Build::Today, figure.command)?)
                } else {
                    let today = once(Build::Today, figure.command)?;
                    (once(Build::Base, figure.command)?, today)
                };
                measured = Some((figure.command, base, today));
            }
            let Some((_, base, today)) = &measured else { continue };
            let (base, today) = (figure.read(base)?, figure.read(today)?);
            let ratio = if figure.more_is_better { today / base } else { base / today };
            println!("round {}: {}: base {base:.3}, today {today:.3}, {ratio:.3}", round + 1, figure.name);
            ratios.push(ratio);
        }
    }
    let mut holds = true;
    println!("\nToday against the base, the median of {rounds} rounds; above 1 is better:");
    for (figure, ratios) in FIGURES.iter().zip(&mut ratios) {
        ratios.sort_by(f64::total_cmp);
        let median = median(ratios);
        let is_worse = figure.counts && median < AT_LEAST;
        holds &= !is_worse;
        let note = if is_worse { "  WORSE" } else { "" };
        let (min, max) = (ratios.first().unwrap_or(&0.0), ratios.last().unwrap_or(&0.0));
        println!("  {:<24} {median:.3}  (min {min:.3}, max {max:.3}){note}", figure.name);
    }
    Ok(holds)
}

fn once(bench: &Path, command: &[&str]) -> Result<Value, TaskError> {
    let failed = |cause: String| TaskError::Figures { of: bench.display().to_string(), cause };
    let printed = output(Command::new(bench).args(command).args(["--runs", "1", "--json"]))?;
    let printed = printed.ok_or_else(|| failed(format!("{} failed", command.join(" "))))?;
    serde_json::from_slice(&printed).map_err(|error| failed(error.to_string()))
}

impl Figure {
    fn read(&self, printed: &Value) -> Result<f64, TaskError> {
        printed.pointer(self.pointer).and_then(Value::as_f64).filter(|figure| *figure > 0.0).ok_or_else(
            || TaskError::Figures {
                of: self.name.to_owned(),
                cause: format!("no {} in what bench printed", self.pointer),
            },
        )
    }
}

/// Returns the median of sorted figures.
fn median(sorted: &[f64]) -> f64 {
    let middle = sorted.len() / 2;
    match (sorted.get(middle), sorted.get(middle.wrapping_sub(1))) {
        (Some(upper), Some(lower)) if sorted.len().is_multiple_of(2) => f64::midpoint(*lower, *upper),
        (Some(only), _) => *only,
        (None, _) => 0.0,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_median_is_the_middle_one_or_between_the_two() {
        for (sorted, expected) in
            [([1.0, 2.0, 9.0].as_slice(), 2.0), (&[1.0, 2.0, 4.0, 9.0], 3.0), (&[], 0.0)]
        {
            assert!((median(sorted) - expected).abs() < f64::EPSILON, "{sorted:?}");
        }
    }

    #[test]
    fn a_figure_that_is_missing_or_zero_is_an_error() {
        let figure = &FIGURES[0];
        assert!(figure.read(&json!({ "ratio": { "median": 0.8 } })).is_ok());
        assert!(figure.read(&json!({ "ratio": { "median": 0.0 } })).is_err());
        assert!(figure.read(&json!({})).is_err());
    }

    #[test]
    fn what_became_worse_by_more_than_a_twentieth_is_found() {
        let printed = |orders_per_second: f64, p50_ms: f64| {
            json!({
                "ratio": { "median": 0.8 },
                "flow": { "orders_per_second": { "median": orders_per_second } },
                "p50_ms": p50_ms,
                "p99_ms": p50_ms,
                "decisions_per_second": { "median": 1.0 },
                "orders_per_second": { "median": orders_per_second },
            })
        };
        for (orders_per_second, p50_ms, holds) in [
            (1000.0, 5.0, true),
            (960.0, 5.2, true),
            (940.0, 5.0, false),
            (1000.0, 5.4, false),
            (2000.0, 2.0, true),
        ] {
            let mut runs = Vec::new();
            let held = compare(2, |build, _| {
                runs.push(build);
                Ok(if build == Build::Base {
                    printed(1000.0, 5.0)
                } else {
                    printed(orders_per_second, p50_ms)
                })
            });
            assert_eq!(held.unwrap(), holds, "{orders_per_second} orders/s, {p50_ms} ms");
            assert_eq!((runs[0], runs[8]), (Build::Base, Build::Today), "four commands a round, in turn");
        }
    }
}
