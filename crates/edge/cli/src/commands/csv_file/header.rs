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
}

impl Header {
    pub(super) fn read(record: &StringRecord, line: u64, columns: &[Column]) -> Result<Self, Unreadable> {
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
        Ok(Header { record: record.clone(), places })
    }

    /// The columns that the command does not read.
    pub(super) fn ignored(&self) -> Vec<String> {
        let read = |place: usize| self.places.contains(&Some(place));
        let others =
            self.record.iter().enumerate().filter(|(place, name)| !read(*place) && !name.trim().is_empty());
        others.map(|(_, name)| name.trim().to_owned()).collect()
    }

    /// The asked cells of a row, or why it does not fit.
    pub(super) fn cells(&self, row: &StringRecord) -> Result<Vec<String>, String> {
        let (expected, found) = (self.record.len(), row.len());
        let lines: usize = row.iter().map(|cell| cell.matches('\n').count()).sum();
        let unclosed = || {
            format!(
                "expected a row on one line, found a quote that is not closed: {lines} more lines are in its cell"
            )
        };
        if found < expected && lines > 0 {
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
