//! Rows to send: of the command line, or of a file.

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
            Err(problem) => input.unread.push(UnreadRow { problem, origin }),
        }
    }
    Ok(input)
}
