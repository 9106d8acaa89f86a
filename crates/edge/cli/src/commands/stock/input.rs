//! Rows to send: of the command line, or of a file.

use std::collections::HashMap;
use std::path::Path;

use csv::StringRecord;
use serde_json::Value;

use crate::commands::csv_file::{self, Column, CsvRow};
use crate::result::{Result, hinted};

/// The rows of a command.
#[derive(Debug, Default)]
pub(in crate::commands) struct Input {
    pub(in crate::commands) rows: Vec<InputRow>,
    /// Rows that cannot be sent.
    pub(in crate::commands) unread: Vec<UnreadRow>,
    /// The columns that nobody reads.
    pub(in crate::commands) ignored: Vec<String>,
    /// The file's header and delimiter; none for rows of the command line.
    pub(in crate::commands) form: Option<(StringRecord, u8)>,
}

/// A row to send.
#[derive(Debug, Clone)]
pub(in crate::commands) struct InputRow {
    pub(in crate::commands) body: Value,
    /// The article, for people.
    pub(in crate::commands) sku: String,
    /// The location, for people; empty where there is none.
    pub(in crate::commands) location: String,
    pub(in crate::commands) origin: Option<Origin>,
}

/// A row that cannot be sent.
#[derive(Debug, Clone)]
pub(in crate::commands) struct UnreadRow {
    /// The code for programs.
    pub(in crate::commands) code: &'static str,
    pub(in crate::commands) problem: String,
    pub(in crate::commands) origin: Origin,
}

/// The place of a row in its file.
#[derive(Debug, Clone)]
pub(in crate::commands) struct Origin {
    pub(in crate::commands) line: u64,
    pub(in crate::commands) record: StringRecord,
}

impl Input {
    /// One row of the command line.
    pub(in crate::commands) fn one(sku: &str, location: &str, body: Value) -> Self {
        let row = InputRow { body, sku: sku.to_owned(), location: location.to_owned(), origin: None };
        Input { rows: vec![row], ..Input::default() }
    }

    /// Refuses every row of a file whose SKU and location another row has too, because nobody knows which of them is right. It
    /// looks at the whole file; the gateway and the worker see one request, and so a part of it.
    pub(in crate::commands) fn refuse_twice(mut self) -> Self {
        let mut lines = HashMap::<(String, String), Vec<String>>::new();
        for row in &self.rows {
            let key = (row.sku.clone(), row.location.clone());
            let line = row.origin.as_ref().map(|origin| origin.line.to_string());
            lines.entry(key).or_default().extend(line);
        }
        for InputRow { body, sku, location, origin } in std::mem::take(&mut self.rows) {
            let key = (sku, location);
            let found = &lines[&key];
            let (sku, location) = key;
            match origin {
                Some(origin) if found.len() > 1 => {
                    let place = if location.is_empty() { String::new() } else { format!(" at {location}") };
                    let lines = found.join(", ");
                    let problem = format!(
                        "expected one row for {sku}{place}, found lines {lines}: make them one row, or leave the wrong ones out"
                    );
                    self.unread.push(UnreadRow { code: "row-twice", problem, origin });
                }
                origin => self.rows.push(InputRow { body, sku, location, origin }),
            }
        }
        self
    }
}

/// Reads the rows of a file. `read` gets the asked cells of a row and returns its SKU, its location and its body.
pub(in crate::commands) fn from_file(
    path: &Path,
    columns: &[Column],
    read: impl Fn(&[String]) -> Result<(String, String, Value), String>,
) -> Result<Input> {
    let file = csv_file::read(path, columns)?;
    if file.rows.is_empty() {
        let form = "each line after the first one is a row";
        return Err(hinted(format!("{}: expected rows, found none", path.display()), form));
    }
    let mut input =
        Input { ignored: file.ignored, form: Some((file.header, file.delimiter)), ..Input::default() };
    for CsvRow { line, record, cells } in file.rows {
        let origin = Origin { line, record };
        match cells.and_then(|cells| read(&cells)) {
            Ok((sku, location, body)) => {
                input.rows.push(InputRow { body, sku, location, origin: Some(origin) });
            }
            Err(problem) => input.unread.push(UnreadRow { code: "unreadable", problem, origin }),
        }
    }
    Ok(input)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_that_is_there_twice_is_refused_however_far_apart_the_two_are() {
        let row = |line: u64, sku: &str, location: &str| InputRow {
            body: Value::Null,
            sku: sku.to_owned(),
            location: location.to_owned(),
            origin: Some(Origin { line, record: StringRecord::new() }),
        };
        let mut rows: Vec<InputRow> = (2..1202).map(|line| row(line, &format!("S-{line}"), "main")).collect();
        rows.push(row(1202, "S-2", "main"));
        rows.push(row(1203, "S-3", "shop"));
        let input = Input { rows, ..Input::default() }.refuse_twice();
        let refused: Vec<u64> = input.unread.iter().map(|row| row.origin.line).collect();
        assert_eq!(refused, [2, 1202]);
        assert_eq!(input.rows.len(), 1200);
        let UnreadRow { code, problem, .. } = &input.unread[0];
        assert_eq!(*code, "row-twice");
        assert!(problem.starts_with("expected one row for S-2 at main, found lines 2, 1202"), "{problem}");
    }

    #[test]
    fn a_row_of_the_command_line_is_there_once() {
        assert_eq!(Input::one("A", "main", Value::Null).refuse_twice().rows.len(), 1);
    }
}
