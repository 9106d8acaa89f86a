//! The history of an order: its timeline and its cases, by time.

use std::fmt::Write as _;

use despatch_read_model::cases::OrderCase;
use despatch_read_model::orders::Step;
use despatch_status::OrderState;
use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::words::words;
use crate::output::one_line;

/// Lines under a heading for each day, in this zone. `verbose` has codes and every digit instead of words.
pub(super) fn history(steps: &[Step], cases: &[OrderCase], zone: &TimeZone, verbose: bool) -> Vec<String> {
    let mut entries: Vec<(Timestamp, String)> = Vec::new();
    for step in steps {
        entries.push((step.at, if verbose { codes(step) } else { words(step) }));
    }
    for case in cases {
        let OrderCase { number, reason, .. } = case;
        let error = one_line(&case.error);
        entries.push((case.opened_at, format!("case {number} opened, {reason}: {error}")));
        if let Some(resolution) = &case.resolution {
            let how = resolution.replace('-', " ");
            entries.push((case.updated_at, format!("case {number} resolved: {how}")));
        }
    }
    entries.sort_by_key(|(at, _)| *at);
    if verbose {
        return entries.into_iter().map(|(at, text)| format!("{:<30}  {text}", at.to_string())).collect();
    }
    let mut lines = Vec::new();
    let mut day = String::new();
    for (at, text) in entries {
        let at = at.to_zoned(zone.clone());
        let of_entry = at.strftime("%d %b %Y, %Z").to_string();
        if of_entry != day {
            lines.push(of_entry.clone());
            day = of_entry;
        }
        lines.push(format!("{}  {text}", at.strftime("%H:%M:%S")));
    }
    lines
}

/// A step as it is recorded.
fn codes(step: &Step) -> String {
    let (from, to) = (step.from.map_or("–", OrderState::name), step.to.name());
    let change = if from == to { to.to_owned() } else { format!("{from} → {to}") };
    let mut line = format!("{:<22}  {change:<24}  {}", step.event, step.reason);
    if !step.detail.is_empty() {
        // Writing to a string cannot fail.
        let _ = write!(line, "  {}", one_line(&step.detail));
    }
    line
}
