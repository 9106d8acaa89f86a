//! Cells of a row: what people write into a spreadsheet, read strictly. Every error names the column, what was expected, and
//! what was found.

use despatch_gateway::stock_json::{LARGEST_QUANTITY, LONGEST_NAME};
use jiff::Timestamp;

use crate::args::moment;

/// Reads an article's SKU.
pub(in crate::commands) fn sku(cell: &str) -> Result<String, String> {
    if is_shortened(cell) {
        return Err(format!(
            "sku: expected a SKU, found {cell:?}, which a spreadsheet made of a long number; format the column as text"
        ));
    }
    name("sku", cell)
}

/// Reads a location's id; `default` is that of rows without one.
pub(super) fn location(cell: &str, default: Option<&str>) -> Result<String, String> {
    match (cell, default) {
        ("", Some(default)) => Ok(default.to_owned()),
        ("", None) => {
            Err("location: expected a location's id, found nothing; --location ID sets it for every row \
                           without one"
                .to_owned())
        }
        (cell, _) => name("location", cell),
    }
}

/// Reads an id.
pub(super) fn name(column: &str, cell: &str) -> Result<String, String> {
    match cell.len() {
        0 => Err(format!("{column}: expected a value, found nothing")),
        1..=LONGEST_NAME => Ok(cell.to_owned()),
        length => Err(format!("{column}: expected at most {LONGEST_NAME} bytes, found {length}")),
    }
}

/// Reads a number of units that is at least `least`.
pub(super) fn units(column: &str, cell: &str, least: i64) -> Result<i64, String> {
    let units = whole(column, cell)?;
    if units < least {
        return Err(format!("{column}: expected {least} or more, found {units}"));
    }
    Ok(units)
}

/// Reads a change: units more, or less with a minus.
pub(super) fn change(column: &str, cell: &str) -> Result<i64, String> {
    match whole(column, cell)? {
        0 => Err(format!("{column}: expected units more, or less with a minus, found 0")),
        change => Ok(change),
    }
}

/// Reads a time.
pub(super) fn time(column: &str, cell: &str) -> Result<Timestamp, String> {
    moment(cell).map_err(|problem| format!("{column}: {problem}"))
}

/// Reads a whole number.
fn whole(column: &str, cell: &str) -> Result<i64, String> {
    // A spreadsheet may write the longer minus.
    let digits = cell.replace('\u{2212}', "-");
    let digits = digits.strip_prefix('+').unwrap_or(&digits);
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if is_number(digits.strip_prefix('-').unwrap_or(digits)) {
        return match digits.parse::<i64>() {
            Ok(number) if number.unsigned_abs() <= LARGEST_QUANTITY.unsigned_abs() => Ok(number),
            _ => Err(format!("{column}: expected at most {LARGEST_QUANTITY} units, found {cell}")),
        };
    }
    let is_separator = |letter: char| ".,'’_ \u{a0}\u{202f}".contains(letter);
    let without: String = digits.chars().filter(|letter| !is_separator(*letter)).collect();
    if cell.is_empty() {
        Err(format!("{column}: expected a whole number, found nothing"))
    } else if is_number(without.trim_start_matches('-')) || is_shortened(cell) {
        Err(format!("{column}: expected a whole number without decimals and separators, found {cell:?}"))
    } else {
        Err(format!("{column}: expected a whole number, found {cell:?}"))
    }
}

/// Whether a spreadsheet shortened a long number: `4,00638E+12`.
pub(in crate::commands) fn is_shortened(cell: &str) -> bool {
    let Some((number, power)) = cell.split_once("E+") else { return false };
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let number = number.replacen([',', '.'], "", 1);
    digits(&number) && digits(power)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_of_units_is_whole_and_has_no_separators() {
        for (cell, expected) in [("3", 3), ("+3", 3), ("007", 7), ("1000000000", LARGEST_QUANTITY)] {
            assert_eq!(units("quantity", cell, 1), Ok(expected), "{cell}");
        }
        let separators = ["1,000", "1.000", "1'000", "1 000", "1\u{a0}000", "1.5", "10.0", "2,5", "1E+05"];
        for cell in separators {
            let problem = units("quantity", cell, 1).unwrap_err();
            let expected =
                format!("quantity: expected a whole number without decimals and separators, found {cell:?}");
            assert_eq!(problem, expected);
        }
        for (cell, problem) in [
            ("", "quantity: expected a whole number, found nothing"),
            ("0", "quantity: expected 1 or more, found 0"),
            ("-3", "quantity: expected 1 or more, found -3"),
            ("\u{2212}3", "quantity: expected 1 or more, found -3"),
            ("ten", "quantity: expected a whole number, found \"ten\""),
            ("3 pcs", "quantity: expected a whole number, found \"3 pcs\""),
            ("-", "quantity: expected a whole number, found \"-\""),
            ("4006381333931", "quantity: expected at most 1000000000 units, found 4006381333931"),
            (
                "99999999999999999999",
                "quantity: expected at most 1000000000 units, found 99999999999999999999",
            ),
        ] {
            assert_eq!(units("quantity", cell, 1), Err(problem.to_owned()));
        }
        assert_eq!(units("counted", "0", 0), Ok(0));
        assert_eq!(change("change", "-3"), Ok(-3));
        assert_eq!(change("change", "+3"), Ok(3));
        assert!(change("change", "0").is_err());
    }

    #[test]
    fn a_sku_is_text_and_a_location_may_have_a_default() {
        assert_eq!(sku("4006381333931"), Ok("4006381333931".to_owned()));
        assert_eq!(sku("E+12"), Ok("E+12".to_owned()));
        for cell in ["4,00638E+12", "4.00638E+12", "4E+12"] {
            assert!(sku(cell).unwrap_err().contains("format the column as text"), "{cell}");
        }
        assert!(sku("").is_err() && sku(&"x".repeat(201)).is_err());
        assert_eq!(location("", Some("main")), Ok("main".to_owned()));
        assert_eq!(location("shop", Some("main")), Ok("shop".to_owned()));
        assert!(location("", None).unwrap_err().contains("--location ID"));
    }
}
