//! The first line of a file: which of its columns a command reads.

use csv::StringRecord;

use super::column::{Column, Unreadable, form};
use despatch_domain::similar::similar;

/// The columns of a file.
pub(super) struct Header {
    /// The line, as the file has it.
    pub(super) record: StringRecord,
    /// The place of each asked column; `None` where the file does not have it.
    places: Vec<Option<usize>>,
    /// The places of the columns without which a file is refused.
    required: Vec<usize>,
    delimiter: char,
}

impl Header {
    pub(super) fn read(
        record: &StringRecord,
        line: u64,
        columns: &[Column],
        delimiter: u8,
    ) -> Result<Self, Unreadable> {
        let mut places = vec![None; columns.len()];
        for (place, name) in record.iter().enumerate() {
            let Some(asked) = known(name, columns) else { continue };
            if places[asked].replace(place).is_some() {
                let twice = format!("line {line}: the column `{}` is there twice", columns[asked].name);
                return Err(Unreadable::new(twice, "leave one of them out"));
            }
        }
        let missing = columns.iter().zip(&places).find(|(column, place)| column.required && place.is_none());
        if let Some((column, _)) = missing {
            return Err(missing_column(column.name, record, line, columns));
        }
        let required = columns.iter().zip(&places).filter(|(column, _)| column.required);
        let required = required.filter_map(|(_, place)| *place).collect();
        let header = Header { record: record.clone(), places, required, delimiter: char::from(delimiter) };
        match header.row_within(record, line) {
            Some(found) => Err(Unreadable::new(open_quote(found), CLOSE)),
            None => Ok(header),
        }
    }

    /// The line of a cell, other than its first one, that looks like a row: then a quote before it is not closed. The record begins on
    /// line `first`.
    fn row_within(&self, record: &StringRecord, first: u64) -> Option<u64> {
        let mut at = first;
        for cell in record {
            for line in &lines(cell)[1..] {
                at += 1;
                if self.looks_like_row(line) {
                    return Some(at);
                }
            }
        }
        None
    }

    /// Whether a line has all cells of a row, or those that every row needs, with a number in one of them. One cell alone says nothing.
    fn looks_like_row(&self, line: &str) -> bool {
        let cells: Vec<&str> = line.split(self.delimiter).map(str::trim).collect();
        let needed: Option<Vec<&str>> = self
            .required
            .iter()
            .map(|place| cells.get(*place).copied().filter(|cell| !cell.is_empty()))
            .collect();
        let has_needed = needed.is_some_and(|cells| {
            cells.len() > 1 && cells.iter().any(|cell| cell.bytes().any(|byte| byte.is_ascii_digit()))
        });
        let is_whole = self.record.len() > 1 && cells.len() == self.record.len();
        is_whole || has_needed
    }

    /// The columns that the command does not read.
    pub(super) fn ignored(&self) -> Vec<String> {
        let read = |place: usize| self.places.contains(&Some(place));
        let others =
            self.record.iter().enumerate().filter(|(place, name)| !read(*place) && !name.trim().is_empty());
        others.map(|(_, name)| name.trim().to_owned()).collect()
    }

    /// The asked cells of a row that begins on this line, or why it does not fit. `is_open` is a row that ends within quotes.
    pub(super) fn cells(&self, row: &StringRecord, line: u64, is_open: bool) -> Result<Vec<String>, String> {
        if let Some(found) = self.row_within(row, line) {
            return Err(open_quote(found));
        }
        let (expected, found) = (self.record.len(), row.len());
        let lines: usize = row.iter().map(|cell| lines(cell.trim_end()).len() - 1).sum();
        let unclosed = || {
            format!(
                "expected a row on one line, found a quote that is not closed: {lines} more lines are in its cell"
            )
        };
        if is_open || (found < expected && lines > 0) {
            return Err(unclosed());
        }
        if row.iter().skip(expected).any(|cell| !cell.trim().is_empty()) {
            return Err(format!(
                "expected {expected} cells, found {found}; a cell with the delimiter in it needs quotes, \
                 and a number has no thousands separator"
            ));
        }
        // A spreadsheet leaves out empty cells at the end of a row.
        let cell = |place: &Option<usize>| place.and_then(|place| row.get(place)).unwrap_or_default().trim();
        let cells: Vec<String> = self.places.iter().map(|place| cell(place).to_owned()).collect();
        match cells.iter().find(|cell| cell.chars().any(char::is_control)) {
            Some(_) if lines > 0 => Err(unclosed()),
            Some(cell) => Err(format!("expected text, found a control character in {cell:?}")),
            None => Ok(cells),
        }
    }
}

/// The way out of a quote that is not closed.
const CLOSE: &str = "close the quote in the line before, or write the cell on one line";

fn open_quote(line: u64) -> String {
    format!(
        "expected a row on one line, found a quote that is not closed: line {line}, which looks like a row, is in its cell"
    )
}

/// The lines of a cell.
fn lines(cell: &str) -> Vec<&str> {
    cell.split('\n').flat_map(|line| line.strip_suffix('\r').unwrap_or(line).split('\r')).collect()
}

/// The column that a name of the file stands for: case, surrounding spaces, and the space between words do not matter.
pub(super) fn known(name: &str, columns: &[Column]) -> Option<usize> {
    let name = name.trim().to_lowercase().replace([' ', '-'], "_");
    columns.iter().position(|column| column.name == name)
}

fn missing_column(name: &str, record: &StringRecord, line: u64, columns: &[Column]) -> Unreadable {
    let found: Vec<&str> = record.iter().map(str::trim).filter(|name| !name.is_empty()).collect();
    let near = similar(name, found.iter().copied().filter(|found| known(found, columns).is_none()));
    let near = near.map_or_else(String::new, |near| format!("; is `{near}` meant as `{name}`?"));
    Unreadable::new(
        format!("line {line}: expected a column `{name}`, found {}{near}", found.join(", ")),
        form(columns),
    )
}
