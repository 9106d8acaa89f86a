//! Tables: a header, rows in columns, and a line of detail under a row.

use std::fmt::Write as _;

use anstyle::Style;
use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

/// Between two columns.
const GAP: usize = 2;
/// Before a line of detail.
const INDENT: usize = 4;

/// Rows under a header. A column is as wide as its widest cell; numbers stand to the right.
#[derive(Debug, Default)]
pub(crate) struct Table {
    columns: Vec<Column>,
    rows: Vec<Row>,
}

#[derive(Debug)]
struct Column {
    name: &'static str,
    right: bool,
}

#[derive(Debug)]
struct Row {
    cells: Vec<String>,
    details: Vec<String>,
}

impl Table {
    /// A table with these columns.
    pub(crate) fn new(columns: impl IntoIterator<Item = &'static str>) -> Self {
        let columns = columns.into_iter().map(|name| Column { name, right: false }).collect();
        Table { columns, rows: Vec::new() }
    }

    /// Sets the named columns to the right, as numbers are read.
    pub(crate) fn right(mut self, names: &[&str]) -> Self {
        for column in &mut self.columns {
            column.right |= names.contains(&column.name);
        }
        self
    }

    /// Adds a row, a cell for each column. An empty cell is printed as a dash.
    pub(crate) fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(Row { cells: cells.into_iter().collect(), details: Vec::new() });
    }

    /// Adds a line under the last row.
    pub(crate) fn detail(&mut self, text: impl Into<String>) {
        if let Some(row) = self.rows.last_mut() {
            row.details.push(text.into());
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Whether every row is within `width` columns. Details do not count, because their end can be spared.
    pub(crate) fn fits(&self, width: Option<usize>) -> bool {
        let columns = (0..self.columns.len()).map(|index| self.width_of(index) + GAP);
        width.is_none_or(|width| columns.sum::<usize>() <= width + GAP)
    }

    /// The table as text. Lines longer than `width` columns are cut; `None` cuts nothing.
    pub(crate) fn render(&self, width: Option<usize>) -> String {
        let bold = Style::new().bold();
        let header = self.line(self.columns.iter().map(|column| column.name));
        let mut text = format!("{bold}{}{bold:#}\n", cut(&header, width));
        for Row { cells, details } in &self.rows {
            let cells = cells.iter().map(|cell| if cell.is_empty() { "–" } else { cell });
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{}", cut(&self.line(cells), width));
            for detail in details {
                let _ = writeln!(text, "{}", cut(&format!("{:INDENT$}{detail}", ""), width));
            }
        }
        text
    }

    fn line<'c>(&self, cells: impl Iterator<Item = &'c str>) -> String {
        let mut line = String::new();
        for ((index, column), cell) in self.columns.iter().enumerate().zip(cells) {
            if index > 0 {
                line.push_str(&" ".repeat(GAP));
            }
            let padding = " ".repeat(self.width_of(index).saturating_sub(cell.width()));
            if column.right {
                line.push_str(&padding);
                line.push_str(cell);
            } else {
                line.push_str(cell);
                line.push_str(&padding);
            }
        }
        line.trim_end().to_owned()
    }

    fn width_of(&self, index: usize) -> usize {
        let cells = self.rows.iter().filter_map(|row| row.cells.get(index)).map(|cell| cell.width());
        cells.chain([self.columns[index].name.width()]).max().unwrap_or_default()
    }
}

/// The text's beginning, as far as it fits, with an ellipsis where something is missing.
pub(crate) fn cut(text: &str, width: Option<usize>) -> String {
    let Some(width) = width.filter(|width| text.width() > *width) else { return text.to_owned() };
    let mut taken = 0;
    let fits = text.chars().take_while(|letter| {
        taken += letter.width().unwrap_or_default();
        taken < width
    });
    fits.chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cases() -> Table {
        let mut table = Table::new(["CASE", "REASON", "WHO"]).right(&["CASE"]);
        table.row(["12".to_owned(), "card-declined".to_owned(), String::new()]);
        table.detail("the card was declined: generic_decline");
        table.row(["113".to_owned(), "stock-short".to_owned(), "Zoë".to_owned()]);
        table
    }

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let text = anstream::adapter::strip_str(&cases().render(None)).to_string();
        let expected = "\
CASE  REASON         WHO
  12  card-declined  –
    the card was declined: generic_decline
 113  stock-short    Zoë
";
        assert_eq!(text, expected);
    }

    #[test]
    fn lines_are_cut_to_the_terminals_width() {
        let text = anstream::adapter::strip_str(&cases().render(Some(20))).to_string();
        assert!(text.lines().all(|line| line.width() <= 20), "{text}");
        assert!(text.contains("\n    the card was de…\n"), "{text}");
    }
}
