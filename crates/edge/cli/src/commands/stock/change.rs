//! `despatch stock adjust` and `despatch stock count`: corrections of what is recorded.

use std::process::ExitCode;

use despatch_gateway::stock_json::ADJUSTMENT_REASONS;
use jiff::Timestamp;
use reqwest::Method;
use serde_json::json;

use super::cells;
use super::input::{Input, from_file};
use super::report::BOOKED;
use super::send::{Again, CHUNK, Command, Sender};
use crate::args::{AdjustArgs, CountArgs};
use crate::commands::csv_file::Column;
use crate::config::Config;
use crate::local::DataDir;
use crate::result::Result;
use despatch_domain::similar::did_you_mean;

const ADJUST_COLUMNS: [Column; 4] = [
    Column { name: "sku", required: true },
    Column { name: "location", required: false },
    Column { name: "change", required: true },
    Column { name: "reason", required: false },
];

const COUNT_COLUMNS: [Column; 4] = [
    Column { name: "sku", required: true },
    Column { name: "location", required: false },
    Column { name: "counted", required: true },
    Column { name: "seen_at", required: false },
];

/// Corrects units.
pub(super) async fn adjust(
    config: &Config,
    data_dir: &DataDir,
    args: &AdjustArgs,
    quiet: bool,
) -> Result<ExitCode> {
    let body = |sku: &str, location: &str, change: i64, reason: &str| json!({ "sku": sku, "location": location, "change": change, "reason": reason });
    let input = if let Some(path) = &args.file.from {
        from_file(path, &ADJUST_COLUMNS, |row| {
            let sku = cells::sku(&row[0])?;
            let location = cells::location(&row[1], args.location.as_deref())?;
            let change = cells::change("change", &row[2])?;
            let reason = reason(&row[3], args.reason.as_deref())?;
            let body = body(&sku, &location, change, &reason);
            Ok((sku, location, body))
        })?
    } else {
        let text = |value: &Option<String>| value.clone().unwrap_or_default();
        let (sku, location) = (text(&args.sku), text(&args.location));
        let body = body(&sku, &location, args.change.unwrap_or_default(), &text(&args.reason));
        Input::one(&sku, &location, body)
    };
    let command = command("/v1/stock/adjustments", args.file.from.is_some());
    Sender::connect(config, data_dir, &args.request, quiet)
        .await?
        .send(command, input, args.file.refused.as_deref())
        .await
}

/// Reports a count.
pub(super) async fn count(
    config: &Config,
    data_dir: &DataDir,
    args: &CountArgs,
    quiet: bool,
) -> Result<ExitCode> {
    let body = |sku: &str, location: &str, counted: i64, seen_at: Timestamp| json!({ "sku": sku, "location": location, "counted": counted, "seen_at": seen_at.to_string() });
    let mut seen_at = args.seen_at;
    let input = if let Some(path) = &args.file.from {
        from_file(path, &COUNT_COLUMNS, |row| {
            let sku = cells::sku(&row[0])?;
            let location = cells::location(&row[1], args.location.as_deref())?;
            let counted = cells::units("counted", &row[2], 0)?;
            let seen_at = match (&*row[3], args.seen_at) {
                ("", Some(seen_at)) => seen_at,
                ("", None) => {
                    return Err("seen_at: expected the time at which the person looked, found nothing; \
                                --seen-at TIME sets it for every row without one"
                        .to_owned());
                }
                (cell, _) => cells::time("seen_at", cell)?,
            };
            let body = body(&sku, &location, counted, seen_at);
            Ok((sku, location, body))
        })?
        .refuse_twice()
    } else {
        let text = |value: &Option<String>| value.clone().unwrap_or_default();
        let (sku, location) = (text(&args.sku), text(&args.location));
        let seen_at = *seen_at.get_or_insert_with(Timestamp::now);
        let body = body(&sku, &location, args.counted.unwrap_or_default(), seen_at);
        Input::one(&sku, &location, body)
    };
    let command = Command {
        // Without it a repeat would be of another moment, and so another count.
        repeat_with: seen_at.map_or_else(String::new, |seen_at| format!(" --seen-at {seen_at}")),
        ..command("/v1/stock/counts", args.file.from.is_some())
    };
    Sender::connect(config, data_dir, &args.request, quiet)
        .await?
        .send(command, input, args.file.refused.as_deref())
        .await
}

fn command(path: &str, is_file: bool) -> Command {
    Command {
        method: Method::POST,
        path: path.to_owned(),
        fields: json!({}),
        rows: "rows",
        chunk: CHUNK,
        all_or_nothing: false,
        again: if is_file { Again::SameRequest } else { Again::Another },
        repeat_with: String::new(),
        has_rest: false,
        words: BOOKED,
    }
}

/// Reads the reason of an adjustment; `default` is that of rows without one.
fn reason(cell: &str, default: Option<&str>) -> Result<String, String> {
    let reason = cell.to_lowercase().replace([' ', '_'], "-");
    match (&*reason, default) {
        ("", Some(default)) => Ok(default.to_owned()),
        (reason, _) if ADJUSTMENT_REASONS.contains(&reason) => Ok(reason.to_owned()),
        (reason, _) => {
            let near = did_you_mean(reason, ADJUSTMENT_REASONS);
            let expected = ADJUSTMENT_REASONS.join(", ");
            Err(format!("reason: expected one of {expected}, found {cell:?}{near}"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_one_of_those_that_the_ledger_has() {
        assert_eq!(reason("Data entry", None), Ok("data-entry".to_owned()));
        assert_eq!(reason("", Some("lost")), Ok("lost".to_owned()));
        assert!(reason("demaged", None).unwrap_err().ends_with("found \"demaged\"; did you mean damaged?"));
        assert!(reason("", None).is_err());
    }
}
