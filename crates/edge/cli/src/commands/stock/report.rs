//! The results of rows, for people and programs.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;

use csv::{StringRecord, WriterBuilder};
use serde_json::json;

use super::input::Origin;
use super::rest::{self, REST_OF};
use super::row_report::{RowReport, counted};
use crate::output::{next_command, tell};
use crate::result::Result;

/// How many rows are named.
const NAMED: usize = 50;

/// How many new articles are named.
const FEW: usize = 5;

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
        self.tell_differences(&mut lines);
        if let Some(row) = self.with("before").first() {
            let _ = writeln!(lines, "booked before: {}", row.told());
        }
        if self.needs_second {
            let _ = writeln!(
                lines,
                "A second person must look at this ({}), because it is worth more than inventory.second_person_above.",
                self.requests.join(", ")
            );
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

    /// Names what counts found, and the articles that a receipt made known: a misspelt SKU is one of them.
    fn tell_differences(&self, lines: &mut String) {
        let differences: Vec<String> = self.rows.iter().filter_map(RowReport::counted).collect();
        for difference in differences.iter().take(NAMED) {
            // Writing to a string cannot fail.
            let _ = writeln!(lines, "{difference}");
        }
        if differences.len() > NAMED {
            let _ = writeln!(lines, "{} more differences; --json has them", differences.len() - NAMED);
        }
        let new: BTreeSet<&str> = self.rows.iter().filter(|row| row.is_new).map(|row| &*row.sku).collect();
        if !new.is_empty() {
            let named: Vec<&str> = new.iter().copied().take(FEW).collect();
            let more = if new.len() > FEW { ", ..." } else { "" };
            let articles = counted(new.len() as u64, "new article");
            let _ = writeln!(lines, "{articles}: {}{more}", named.join(", "));
        }
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

/// Writes the refused rows as they were, under their header, each with the problem. `rest` is the command that booked the others,
/// and the number of its requests: the column `rest_of` names it.
pub(super) fn write_refused(
    path: &Path,
    (header, delimiter): (&StringRecord, u8),
    rows: &[RowReport],
    rest: Option<(&str, usize)>,
) -> Result {
    const PROBLEM: &str = "problem";
    let failed = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
    let mut file = WriterBuilder::new()
        .delimiter(delimiter)
        .flexible(true)
        .from_path(path)
        .map_err(|error| failed(&error))?;
    // A file that was written like this and is sent again has these columns.
    let at = |name: &str| header.iter().position(|found| found.trim().eq_ignore_ascii_case(name));
    let (problem_at, rest_at) = (at(PROBLEM), rest.and(at(REST_OF)));
    let mut write = |record: &StringRecord, rest: Option<String>, problem: &str| {
        let mut cells: Vec<&str> = record.iter().collect();
        cells.resize(cells.len().max(header.len()), "");
        let places = cells.into_iter().enumerate();
        let kept = places.filter(|(place, _)| ![problem_at, rest_at].contains(&Some(*place)));
        let kept: Vec<&str> = kept.map(|(_, cell)| cell).chain(rest.as_deref()).chain([problem]).collect();
        file.write_record(kept)
    };
    write(header, rest.map(|_| REST_OF.to_owned()), PROBLEM).map_err(|error| failed(&error))?;
    for row in rows.iter().filter(|row| row.outcome == "refused") {
        let Some(Origin { record, .. }) = &row.origin else { continue };
        let rest = rest.map(|(id, requests)| {
            let cell = rest_at.and_then(|place| record.get(place)).unwrap_or_default().trim();
            if requests == 0 { cell.to_owned() } else { rest::add(cell, id, requests) }
        });
        write(record, rest, row.error.as_deref().unwrap_or_default()).map_err(|error| failed(&error))?;
    }
    file.flush().map_err(|error| failed(&error))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use despatch_read_model::stock::{StockRowResult, TakenUnits};

    use super::*;

    #[test]
    fn a_count_says_the_difference_and_a_receipt_the_articles_that_are_new() {
        let result = |sku: &str, difference, is_new| StockRowResult {
            row: 1,
            sku: sku.to_owned(),
            location: "main".to_owned(),
            quantity: 5,
            outcome: "booked".to_owned(),
            code: None,
            error: None,
            difference,
            taken_from: Vec::new(),
            is_new,
        };
        let taken = vec![TakenUnits { order_id: "o-7".to_owned(), units: 1 }];
        let mut report = Report::new(BOOKED, &[]);
        report.rows = [
            StockRowResult { taken_from: taken, ..result("A", Some(-2), false) },
            result("B", Some(1), false),
            result("C", Some(0), false),
        ]
        .map(|result| RowReport::done(None, result))
        .to_vec();
        let expected = "3 rows booked, 15 units\n\
                        A at main: 2 units fewer than recorded, 1 of them of order o-7\n\
                        B at main: 1 unit more than recorded\n";
        assert_eq!(report.as_lines(), expected);
        report.rows = ["LMAP", "LAMP"].map(|sku| RowReport::done(None, result(sku, None, true))).to_vec();
        assert_eq!(report.as_lines(), "2 rows booked, 10 units\n2 new articles: LAMP, LMAP\n");
    }

    #[test]
    fn a_result_that_needs_a_second_person_says_which_requests_they_must_look_at() {
        let mut report = Report::new(BOOKED, &[]);
        report.requests = vec!["DN-1".to_owned(), "DN-1.part2".to_owned()];
        assert!(!report.as_lines().contains("second person"));
        report.needs_second = true;
        assert!(
            report.as_lines().contains(
                "A second person must look at this (DN-1, DN-1.part2), because it is worth more than \
                 inventory.second_person_above.\n"
            ),
            "{}",
            report.as_lines()
        );
    }

    #[test]
    fn refused_rows_keep_their_cells_and_name_what_they_are_the_rest_of() {
        let row = |cells: &[&str], outcome: &str| RowReport {
            line: Some(2),
            sku: String::new(),
            location: String::new(),
            quantity: 0,
            outcome: outcome.to_owned(),
            code: None,
            error: Some("why".to_owned()),
            difference: None,
            taken_from: Vec::new(),
            is_new: false,
            origin: Some(Origin { line: 2, record: StringRecord::from(cells) }),
        };
        let header = StringRecord::from(vec!["Rest_Of", "sku", "problem", "quantity"]);
        let rows = [
            row(&["request A", "S-1", "old", "3"], "refused"),
            row(&["", "S-2"], "refused"),
            row(&["", "S-3", "", "1"], "booked"),
        ];
        let file = tempfile::NamedTempFile::new().unwrap();
        let written = |rest| {
            write_refused(file.path(), (&header, b';'), &rows, rest).unwrap();
            std::fs::read_to_string(file.path()).unwrap()
        };
        assert_eq!(
            written(Some(("B", 2))),
            "sku;quantity;rest_of;problem\nS-1;3;request A, request B.part2;why\nS-2;;request B.part2;why\n"
        );
        assert_eq!(written(Some(("B", 0))), "sku;quantity;rest_of;problem\nS-1;3;request A;why\nS-2;;;why\n");
        assert_eq!(written(None), "Rest_Of;sku;quantity;problem\nrequest A;S-1;3;why\n;S-2;;why\n");
    }
}
