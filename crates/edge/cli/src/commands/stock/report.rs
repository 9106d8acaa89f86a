//! The results of rows, for people and programs.

use std::fmt::Write as _;
use std::path::Path;

use csv::{StringRecord, WriterBuilder};
use despatch_read_model::stock::StockRowResult;
use serde::Serialize;
use serde_json::json;

use super::input::{InputRow, Origin, UnreadRow};
use crate::output::{next_command, tell};
use crate::result::Result;

/// How many refused rows are named.
const NAMED: usize = 50;

/// The words for a row and for what was done with it, and the command that shows it.
#[derive(Debug, Clone, Copy)]
pub(in crate::commands) struct Words {
    pub(in crate::commands) one: &'static str,
    pub(in crate::commands) many: &'static str,
    pub(in crate::commands) done: &'static str,
    pub(in crate::commands) next: &'static str,
}

/// The words for rows of the ledger.
pub(super) const BOOKED: Words = Words { one: "row", many: "rows", done: "booked", next: "stock list" };

/// The results of a command.
#[derive(Debug)]
pub(super) struct Report {
    words: Words,
    pub(super) rows: Vec<RowReport>,
    pub(super) requests: Vec<String>,
    ignored: Vec<String>,
    /// When the command came before.
    pub(super) before: Option<String>,
    pub(super) needs_second: bool,
}

/// The result of a row.
#[derive(Debug, Clone, Serialize)]
pub(super) struct RowReport {
    /// The line of the file.
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<u64>,
    sku: String,
    location: String,
    quantity: i64,
    outcome: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    #[serde(skip)]
    origin: Option<Origin>,
}

impl RowReport {
    fn of(row: &InputRow, outcome: &str, error: Option<String>) -> Self {
        RowReport {
            line: row.origin.as_ref().map(|origin| origin.line),
            sku: row.sku.clone(),
            location: row.location.clone(),
            quantity: 0,
            outcome: outcome.to_owned(),
            code: None,
            error,
            origin: row.origin.clone(),
        }
    }

    /// A row that could not be read.
    pub(super) fn unread(row: &UnreadRow) -> Self {
        RowReport {
            line: Some(row.origin.line),
            sku: String::new(),
            location: String::new(),
            quantity: 0,
            outcome: "refused".to_owned(),
            code: Some("unreadable".to_owned()),
            error: Some(row.problem.clone()),
            origin: Some(row.origin.clone()),
        }
    }

    /// A row that was not sent because another one is bad.
    pub(super) fn withheld(row: &InputRow) -> Self {
        RowReport::of(row, "withheld", None)
    }

    /// A row that nobody waited for.
    pub(super) fn requested(row: &InputRow) -> Self {
        RowReport::of(row, "requested", None)
    }

    /// A row that the gateway refused.
    pub(super) fn refused(row: &InputRow, problem: String) -> Self {
        RowReport { code: Some("invalid".to_owned()), ..RowReport::of(row, "refused", Some(problem)) }
    }

    /// A row that inventory worked on.
    pub(super) fn done(row: Option<&InputRow>, result: StockRowResult) -> Self {
        let origin = row.and_then(|row| row.origin.clone());
        let or = |told: String, sent: Option<&String>| {
            if told.is_empty() { sent.cloned().unwrap_or_default() } else { told }
        };
        RowReport {
            line: origin.as_ref().map(|origin| origin.line),
            sku: or(result.sku, row.map(|row| &row.sku)),
            location: or(result.location, row.map(|row| &row.location)),
            quantity: result.quantity,
            outcome: result.outcome,
            code: result.code,
            error: result.error,
            origin,
        }
    }

    pub(super) fn line(&self) -> u64 {
        self.line.unwrap_or_default()
    }

    /// `line 17: SKU-9 at main: why`.
    fn told(&self) -> String {
        let line = self.line.map(|line| format!("line {line}: ")).unwrap_or_default();
        let place = if self.location.is_empty() { String::new() } else { format!(" at {}", self.location) };
        let what = if self.sku.is_empty() { String::new() } else { format!("{}{place}: ", self.sku) };
        format!("{line}{what}{}", self.error.as_deref().unwrap_or(&self.outcome))
    }
}

impl Report {
    pub(super) fn new(words: Words, ignored: &[String]) -> Self {
        Report {
            words,
            rows: Vec::new(),
            requests: Vec::new(),
            ignored: ignored.to_vec(),
            before: None,
            needs_second: false,
        }
    }

    fn with(&self, outcome: &str) -> Vec<&RowReport> {
        self.rows.iter().filter(|row| row.outcome == outcome).collect()
    }

    pub(super) fn has_refused(&self) -> bool {
        !self.with("refused").is_empty()
    }

    /// Names the refused rows on standard error.
    pub(super) fn tell_refused(&self) {
        for row in self.with("refused").iter().take(NAMED) {
            tell(&format!("refused: {}", row.told()));
        }
        let more = self.with("refused").len().saturating_sub(NAMED);
        if more > 0 {
            tell(&format!("refused: {more} more rows; --refused FILE writes all of them, --json says why"));
        }
    }

    /// How many rows ended in which way.
    pub(super) fn sum(&self) -> String {
        let (booked, units) =
            self.with("booked").iter().fold((0, 0), |(rows, units), row| (rows + 1, units + row.quantity));
        let Words { one, many, done, .. } = self.words;
        let rows = |count: usize| format!("{count} {}", if count == 1 { one } else { many });
        let units = match units {
            0 => String::new(),
            1 => ", 1 unit".to_owned(),
            units => format!(", {units} units"),
        };
        let mut sum = format!("{} {done}{units}", rows(booked));
        for (outcome, words) in [
            ("before", "booked before"),
            ("requested", "asked for"),
            ("withheld", "left out, because another is bad"),
            ("refused", "refused"),
        ] {
            let count = self.with(outcome).len();
            if count > 0 {
                // Writing to a string cannot fail.
                let _ = write!(sum, "; {} {words}", rows(count));
            }
        }
        sum
    }

    pub(super) fn as_lines(&self) -> String {
        let mut lines = self.sum();
        lines.push('\n');
        if let Some(before) = &self.before {
            // Writing to a string cannot fail.
            let _ = writeln!(
                lines,
                "The same request came {before}: these are its results, and nothing was booked again.\n\
                 To book it once more, give it an id of its own: --request-id ID"
            );
        }
        if let Some(row) = self.with("before").first() {
            let _ = writeln!(lines, "booked before: {}", row.told());
        }
        if self.needs_second {
            lines.push_str("A second person must look at this, because it is worth much.\n");
        }
        match (self.has_refused(), self.rows.iter().any(|row| row.line.is_some())) {
            (true, true) => lines.push_str("Correct the refused rows, and send them again.\n"),
            (true, false) => {}
            (false, _) if self.requests.is_empty() => {}
            (false, _) if !self.with("requested").is_empty() => {
                let _ = writeln!(lines, "requests: {}", self.requests.join(", "));
            }
            (false, _) => {
                let _ = writeln!(lines, "next: {}", next_command(self.words.next));
            }
        }
        lines
    }

    pub(super) fn as_json(&self) -> Result<String> {
        let count = |outcome: &str| self.with(outcome).len();
        let object = json!({
            "requests": self.requests, "ignored_columns": self.ignored, "came_before": self.before,
            "needs_second": self.needs_second,
            "booked": count("booked"), "before": count("before"), "refused": count("refused"),
            "withheld": count("withheld"), "requested": count("requested"),
            "units": self.with("booked").iter().map(|row| row.quantity).sum::<i64>(),
            "rows": serde_json::to_value(&self.rows)?,
        });
        Ok(format!("{object:#}\n"))
    }
}

/// Writes the refused rows as they were, under their header, each with the problem.
pub(super) fn write_refused(path: &Path, header: &StringRecord, delimiter: u8, rows: &[RowReport]) -> Result {
    const PROBLEM: &str = "problem";
    let failed = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
    let mut file = WriterBuilder::new()
        .delimiter(delimiter)
        .flexible(true)
        .from_path(path)
        .map_err(|error| failed(&error))?;
    // Of a file that was written like this and sent again.
    let problem_at = header.iter().position(|name| name == PROBLEM);
    let kept = |record: &StringRecord| -> Vec<String> {
        let cells = record.iter().enumerate().filter(|(place, _)| Some(*place) != problem_at);
        let mut cells: Vec<String> = cells.map(|(_, cell)| cell.to_owned()).collect();
        let width = header.len() - usize::from(problem_at.is_some());
        cells.resize(cells.len().max(width), String::new());
        cells
    };
    let mut write = |cells: Vec<String>| file.write_record(cells);
    write([kept(header), vec![PROBLEM.to_owned()]].concat()).map_err(|error| failed(&error))?;
    for row in rows.iter().filter(|row| row.outcome == "refused") {
        let Some(Origin { record, .. }) = &row.origin else { continue };
        let problem = row.error.clone().unwrap_or_default();
        write([kept(record), vec![problem]].concat()).map_err(|error| failed(&error))?;
    }
    file.flush().map_err(|error| failed(&error))?;
    Ok(())
}
