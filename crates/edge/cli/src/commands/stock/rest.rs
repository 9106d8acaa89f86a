//! The rest of a delivery: refused rows in a file of their own. Equal rows of a delivery are told apart by their number, so a row of the rest
//! must be counted after the equal rows that were booked before it. The column `rest_of` names the requests that booked them.

use super::ids;

/// The column that names the requests.
pub(super) const REST_OF: &str = "rest_of";

/// The text before the id of a request. A spreadsheet takes the text with it neither for a number nor for a date.
const REQUEST: &str = "request ";

/// A row of a delivery: its SKU, its location and its units.
pub(super) type Contents = (String, String, i64);

/// Adds a command of so many requests to the cell of a row that it refused.
pub(super) fn add(cell: &str, id: &str, requests: usize) -> String {
    let separator = if cell.is_empty() { "" } else { ", " };
    format!("{cell}{separator}{REQUEST}{}", ids::part(id, requests))
}

/// Reads a cell: the id of the last request of each command.
pub(super) fn read<'c>(cell: &'c str) -> Result<Vec<&'c str>, String> {
    let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    let id = |part: &'c str| {
        let id = part.trim().strip_prefix(REQUEST)?;
        (!id.is_empty() && id.bytes().all(is_letter)).then_some(id)
    };
    let wrong = || format!("{REST_OF}: expected `{REQUEST}ID`, as --refused FILE writes it, found {cell:?}");
    let parts = cell.split(',').filter(|part| !part.trim().is_empty());
    parts.map(|part| id(part).ok_or_else(wrong)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_names_the_last_request_of_each_command() {
        let cell = add(&add("", "0815", 1), "DN-1", 20);
        assert_eq!(cell, "request 0815, request DN-1.part20");
        assert_eq!(read(&cell), Ok(vec!["0815", "DN-1.part20"]));
        assert_eq!(read(""), Ok(vec![]));
        for wrong in ["0815", "request ", "request a b", "request a/b", "request a; request b"] {
            assert!(read(wrong).unwrap_err().starts_with("rest_of: expected `request ID`"), "{wrong}");
        }
    }
}
