//! Files of rows in columns, as people save them from a spreadsheet: the delimiter, the order and the case of the columns
//! are the file's own. Every row keeps its line number, so that a refused one can be found.

mod column;
mod header;
mod read;
mod text;

pub(super) use column::Column;
pub(super) use read::{CsvRow, read};
