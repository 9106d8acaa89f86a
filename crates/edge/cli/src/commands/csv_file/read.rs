//! Reads a file's rows.

use std::io::Read as _;
use std::path::Path;

use csv::{ReaderBuilder, StringRecord};

use super::column::{Column, Unreadable, form};
use super::header::Header;
use super::text::{Lines, Sheet, decode, open_quote};
use crate::result::{Result, hinted};

/// The rows of a file.
#[derive(Debug)]
pub(in crate::commands) struct CsvFile {
    /// The names of the columns that the command does not read, as the file has them.
    pub(in crate::commands) ignored: Vec<String>,
    /// The header, as the file has it.
    pub(in crate::commands) header: StringRecord,
    pub(in crate::commands) rows: Vec<CsvRow>,
    /// The delimiter, for a file of the same form.
    pub(in crate::commands) delimiter: u8,
}

/// A row that is not empty.
#[derive(Debug, Clone)]
pub(in crate::commands) struct CsvRow {
    /// The line on which it begins, from 1.
    pub(in crate::commands) line: u64,
    /// The row, as the file has it.
    pub(in crate::commands) record: StringRecord,
    /// The asked columns in their order, each without surrounding spaces; empty where the file has none. For a row that does
    /// not fit the header: why not.
    pub(in crate::commands) cells: Result<Vec<String>, String>,
}

/// Reads a file; `-` is standard input.
pub(in crate::commands) fn read(path: &Path, columns: &[Column]) -> Result<CsvFile> {
    let (name, bytes) = if path.as_os_str() == "-" {
        let mut bytes = Vec::new();
        ("standard input".to_owned(), std::io::stdin().read_to_end(&mut bytes).map(|_| bytes))
    } else {
        (path.display().to_string(), std::fs::read(path))
    };
    let bytes = bytes.map_err(|error| format!("{name}: {error}"))?;
    parse(&bytes, columns).map_err(|Unreadable { problem, hint }| {
        hinted(format!("{name}: {problem}; nothing was asked for"), hint)
    })
}

/// Parses a file's contents.
fn parse(bytes: &[u8], columns: &[Column]) -> Result<CsvFile, Unreadable> {
    let text = decode(bytes)?;
    let Sheet { text, delimiter, skipped_lines } = Sheet::of(&text, columns);
    let mut reader = ReaderBuilder::new()
        .delimiter(delimiter)
        .has_headers(false)
        .flexible(true)
        .from_reader(text.as_bytes());
    let mut lines = Lines::new(text, skipped_lines);
    let mut header: Option<Header> = None;
    let mut rows = Vec::new();
    let mut record = StringRecord::new();
    let open_quote = open_quote(text, delimiter);
    while reader
        .read_record(&mut record)
        .map_err(|error| Unreadable::new(error.to_string(), form(columns)))?
    {
        if record.iter().all(|cell| cell.trim().is_empty()) {
            continue;
        }
        let line = lines.of(record.position().map_or(0, csv::Position::byte));
        match &header {
            None => header = Some(Header::read(&record, line, columns, delimiter)?),
            Some(header) => {
                let is_open = open_quote.is_some_and(|at| at < reader.position().byte());
                let cells = header.cells(&record, line, is_open);
                rows.push(CsvRow { line, cells, record: record.clone() });
            }
        }
    }
    let Some(header) = header else {
        let empty = "expected a first line that names the columns, found nothing";
        return Err(Unreadable::new(empty, form(columns)));
    };
    Ok(CsvFile { ignored: header.ignored(), header: header.record, rows, delimiter })
}

#[cfg(test)]
mod tests;
