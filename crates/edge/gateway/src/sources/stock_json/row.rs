//! Rows of commands about stock: which values they may have, and the identity of a row of a file.

use std::collections::HashMap;

use sha2::{Digest as _, Sha256};

use crate::sources::fields::json::Invalid;

/// The most units of one row. More is rather a barcode in the wrong column.
pub const LARGEST_QUANTITY: i64 = 1_000_000_000;

/// The longest text of a row, an article, a location or a delivery in bytes. The worker has the same limit.
pub const LONGEST_NAME: usize = 200;

/// The reasons of an adjustment.
pub const ADJUSTMENT_REASONS: [&str; 7] =
    ["found", "lost", "damaged", "expired", "sample", "data-entry", "supplier-short"];

/// Returns the identity of each row within its delivery: a digest of its contents and of its occurrence among equal rows. So
/// a row has the same one wherever it stands, and equal rows have different ones.
pub fn row_ids<'r>(rows: impl IntoIterator<Item = (&'r str, &'r str, i64)>) -> Vec<String> {
    let mut occurrences: HashMap<(&str, &str, i64), u64> = HashMap::new();
    let id = |row: (&'r str, &'r str, i64)| {
        let occurrence = occurrences.entry(row).or_default();
        *occurrence += 1;
        let mut digest = Sha256::new();
        for text in [row.0, row.1] {
            digest.update((text.len() as u64).to_be_bytes());
            digest.update(text.as_bytes());
        }
        digest.update(row.2.to_be_bytes());
        digest.update(occurrence.to_be_bytes());
        short_digest(digest)
    };
    rows.into_iter().map(id).collect()
}

/// Returns the first 96 bits of a digest as text.
pub fn short_digest(digest: Sha256) -> String {
    let digest: [u8; 32] = digest.finalize().into();
    let leading = digest.iter().take(12).fold(0_u128, |number, byte| number << 8 | u128::from(*byte));
    format!("{leading:024x}")
}

/// Checks that there are rows, and no more than `most`.
pub(super) fn number_of_rows(field: &str, rows: usize, most: usize) -> Result<(), Invalid> {
    match rows {
        0 => Err(Invalid::new(field, "expected 1 row or more, found none")),
        rows if rows > most => {
            Err(Invalid::new(field, format!("expected at most {most} rows, found {rows}")))
        }
        _ => Ok(()),
    }
}

/// Checks a text as the worker does. It may be empty.
pub(super) fn short(text: String, field: &str) -> Result<String, Invalid> {
    if text.len() > LONGEST_NAME {
        let found = format!("expected at most {LONGEST_NAME} bytes, found {}", text.len());
        return Err(Invalid::new(field, found));
    }
    if text.chars().any(char::is_control) {
        return Err(Invalid::new(field, format!("expected text without control characters, found {text:?}")));
    }
    Ok(text)
}

/// Checks a text that must be there.
pub(super) fn required(text: String, field: &str) -> Result<String, Invalid> {
    if text.is_empty() { Err(Invalid::new(field, "is required")) } else { short(text, field) }
}

/// Checks a row's SKU or location.
pub(super) fn named(value: String, at: usize, field: &str) -> Result<String, Invalid> {
    required(value, &format!("rows[{at}].{field}"))
}

/// Checks a row's number of units.
pub(super) fn at_least(least: i64, value: Option<i64>, at: usize, field: &str) -> Result<i64, Invalid> {
    let field = || format!("rows[{at}].{field}");
    match value {
        None => Err(Invalid::new(field(), "is required")),
        Some(units) if units < least => {
            Err(Invalid::new(field(), format!("expected {least} or more, found {units}")))
        }
        Some(units) if units > LARGEST_QUANTITY => {
            Err(Invalid::new(field(), format!("expected at most {LARGEST_QUANTITY}, found {units}")))
        }
        Some(units) => Ok(units),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn a_text_has_the_limits_of_the_worker() {
        assert_eq!(short("é".repeat(100), "title"), Ok("é".repeat(100)));
        for (text, problem) in [
            ("é".repeat(101), "expected at most 200 bytes, found 202"),
            ("a\tb".to_owned(), "expected text without control characters, found \"a\\tb\""),
            ("a\u{85}b".to_owned(), "expected text without control characters, found \"a\\u{85}b\""),
        ] {
            let error = short(text, "rows[0].row_id").unwrap_err();
            assert_eq!((&*error.field, &*error.problem), ("rows[0].row_id", problem));
        }
        assert!(short(String::new(), "title").is_ok() && required(String::new(), "sku").is_err());
    }

    #[test]
    fn a_row_keeps_its_identity_wherever_it_stands() {
        let rows = [("A", "main", 3), ("B", "main", 3), ("A", "main", 3), ("A", "mai", 3), ("A", "main", 33)];
        let ids = row_ids(rows);
        assert_eq!(ids.iter().collect::<HashSet<_>>().len(), rows.len(), "equal rows differ too");
        let mut turned = rows;
        turned.reverse();
        let mut turned: Vec<String> = row_ids(turned);
        turned.sort();
        let mut sorted = ids.clone();
        sorted.sort();
        assert_eq!(turned, sorted);
        // They are kept in databases, so they never change.
        assert_eq!(ids[0], "8feb8417d2c2c6e565360c34");
        assert_ne!(row_ids([("AB", "C", 1)]), row_ids([("A", "BC", 1)]));
    }
}
