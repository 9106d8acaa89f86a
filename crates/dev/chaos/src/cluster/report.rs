//! The table of a run, and what it must show.

use std::fmt;
use std::time::Duration;

use despatch_scenario::Discrepancy;

use super::fault::Fault;
use super::stall::{Stalls, Times};

/// The longest share of a stall that despatch may add to what the servers need.
const OURS: Duration = Duration::from_secs(3);
/// The longest stall, and the longest that half of the faults may make.
const WHOLE: Duration = Duration::from_secs(30);
const HALF: Duration = Duration::from_secs(10);

/// The stalls of each fault.
#[derive(Default)]
pub(crate) struct Report(Vec<(Fault, Times, Stalls)>);

impl Report {
    /// Adds a fault, and returns its line.
    pub(crate) fn add(&mut self, fault: Fault, times: Times, stalls: Stalls) -> String {
        self.0.push((fault, times, stalls));
        line(fault, &times, &stalls)
    }

    /// Returns the stalls that are longer than they may be.
    pub(crate) fn too_long(&self) -> Vec<Discrepancy> {
        let mut found = Vec::new();
        let mut expect = |about: String, what: &str, is: Duration, most: Duration| {
            if is > most {
                let wrong = format!("{what} is {:.1} s, expected at most {most:?}", is.as_secs_f64());
                found.push(Discrepancy { about, wrong });
            }
        };
        let mut wholes: Vec<Duration> = Vec::new();
        // While a key is refused nothing can be paid for, so that stall is as long as the fault.
        let unmeasured = [Fault::Nothing, Fault::RotatedKey];
        for (fault, _, stalls) in self.0.iter().filter(|(fault, ..)| !unmeasured.contains(fault)) {
            expect(fault.to_string(), "our share", stalls.ours, OURS);
            expect(fault.to_string(), "the whole stall", stalls.whole, WHOLE);
            expect(fault.to_string(), "the stall at the return", stalls.at_return, WHOLE);
            wholes.push(stalls.whole);
        }
        wholes.sort_unstable();
        if let Some(median) = wholes.get(wholes.len() / 2) {
            expect("half of the faults".to_owned(), "the whole stall", *median, HALF);
        }
        found
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (fault, led, whole, ours, back, labels) =
            ("fault", "election or promotion after", "whole stall", "our share", "at return", "labels");
        writeln!(f, "{fault:<22} {led:>27} {whole:>12} {ours:>10} {back:>10} {labels:>7}")?;
        for (fault, times, stalls) in &self.0 {
            writeln!(f, "{}", line(*fault, times, stalls))?;
        }
        Ok(())
    }
}

fn line(fault: Fault, times: &Times, stalls: &Stalls) -> String {
    let seconds = |duration: Duration| format!("{:.1} s", duration.as_secs_f64());
    let led = times
        .moments
        .led_again
        .and_then(|led| led.duration_since(times.moments.at).ok())
        .map_or("-".to_owned(), seconds);
    let Stalls { whole, ours, at_return, labels } = stalls;
    let (whole, ours, back) = (seconds(*whole), seconds(*ours), seconds(*at_return));
    format!("{fault:<22} {led:>27} {whole:>12} {ours:>10} {back:>10} {labels:>7}")
}
