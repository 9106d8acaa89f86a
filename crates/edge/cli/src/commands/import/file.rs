//! The orders of a file.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use despatch_gateway::order_json;
use despatch_order_files::FileOrder;
use despatch_order_files::superstore::{self, BadRow, Unreadable};

use crate::result::{Result, hinted};

/// How many bad lines an error names.
const NAMED: usize = 20;

/// A line that is not an order.
#[derive(Debug, PartialEq, Eq)]
struct BadLine {
    /// From 1.
    number: u64,
    field: String,
    problem: String,
}

impl From<BadRow> for BadLine {
    fn from(BadRow { line, column, problem }: BadRow) -> Self {
        BadLine { number: line, field: column, problem }
    }
}

/// Reads every order of a file, or says of every bad line what is wrong with it.
pub(super) fn read(path: &Path) -> Result<Vec<FileOrder>> {
    let shown = path.display();
    let file = File::open(path).map_err(|error| format!("{shown}: {error}"))?;
    if path.extension().is_some_and(|extension| extension == "csv") {
        return superstore::read(BufReader::new(file)).map_err(|error| match error {
            Unreadable::Rows { bad, rows } => {
                let bad: Vec<BadLine> = bad.into_iter().map(BadLine::from).collect();
                let what = format!("{shown}: {} of {rows} rows are not lines of an order", bad.len());
                hinted(listed(what, &bad), "the columns are those of data/superstore.csv")
            }
            error => format!("{shown}: {error}").into(),
        });
    }
    let (orders, bad) = read_lines(BufReader::new(file)).map_err(|error| format!("{shown}: {error}"))?;
    if bad.is_empty() {
        return Ok(orders);
    }
    let lines = bad.len() + orders.len();
    Err(hinted(
        listed(format!("{shown}: {} of {lines} lines are not orders", bad.len()), &bad),
        "each line is the body of POST /v1/orders; GET /openapi.json at the gateway describes it",
    ))
}

/// Returns the error text: the summary, then the first bad lines.
fn listed(mut what: String, bad: &[BadLine]) -> String {
    what.push_str("; nothing is placed");
    for BadLine { number, field, problem } in bad.iter().take(NAMED) {
        // Writing to a string cannot fail.
        let _ = write!(what, "\n  line {number:<4}  {field}: {problem}");
    }
    if bad.len() > NAMED {
        let _ = write!(what, "\n  and {} more", bad.len() - NAMED);
    }
    what
}

/// The orders, and the lines that are none. Empty lines are passed over.
fn read_lines(lines: impl BufRead) -> Result<(Vec<FileOrder>, Vec<BadLine>)> {
    let (mut orders, mut bad) = (Vec::new(), Vec::new());
    for (number, line) in (1..).zip(lines.lines()) {
        let line = line?;
        if line.trim().is_empty() {
            continue;
        }
        match order_json::read(line.as_bytes()) {
            Ok(order) => orders.push(FileOrder {
                order: serde_json::from_str(&line)?,
                units: order.lines.iter().map(|line| (line.sku.clone(), line.quantity)).collect(),
                shop: order.shop,
                shop_order_id: order.shop_order_id,
                currency: order.currency,
                total_minor: order.total_minor,
            }),
            Err(invalid) => {
                bad.push(BadLine { number, field: invalid.field, problem: column_only(&invalid.problem) });
            }
        }
    }
    Ok((orders, bad))
}

/// A problem whose line is that of the file: the parser, which gets one line at a time, always says 1.
fn column_only(problem: &str) -> String {
    match problem.rsplit_once(" at line 1 column ") {
        Some((what, column)) => format!("{what}, column {column}"),
        None => problem.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_that_is_no_order_is_named_with_its_field() {
        let file = "\
{\"shop\": \"north\", \"shop_order_id\": 1, \"total\": \"1.00\", \"currency\": \"USD\", \"lines\": [{\"sku\": \"A\", \"quantity\": 2, \"total\": \"1.00\"}]}

{\"shop\": \"north\", \"shop_order_id\":
{\"shop\": \"north\", \"shop_order_id\": 2, \"total\": \"a lot\"}
[]
";
        let (orders, bad) = read_lines(file.as_bytes()).unwrap();
        assert_eq!(orders.len(), 1);
        assert_eq!(orders[0].units, [("A".to_owned(), 2)]);
        let lines: Vec<String> =
            bad.iter().map(|bad| format!("{}: {}: {}", bad.number, bad.field, bad.problem)).collect();
        insta::assert_snapshot!(lines.join("\n"), @r#"
3: shop_order_id: EOF while parsing a value, column 34
4: total: expected a decimal amount, found "a lot"
5: body: expected a JSON object
"#);
    }

    #[test]
    fn every_bad_row_of_a_table_is_told() {
        let table = include_str!("../../../../../../data/superstore.csv");
        let mut rows: Vec<String> = table.lines().take(40).map(str::to_owned).collect();
        for row in &mut rows[13..38] {
            *row = row.replace("United States", "Atlantis");
        }
        let file = tempfile::Builder::new().suffix(".csv").tempfile().unwrap();
        std::fs::write(file.path(), rows.join("\n")).unwrap();
        let error = read(file.path()).unwrap_err().to_string();
        assert!(
            error.contains(": 25 of 39 rows are not lines of an order; nothing is placed\n  line 14 "),
            "{error}"
        );
        assert_eq!(error.matches("found \"Atlantis\"").count(), NAMED, "{error}");
        assert!(error.ends_with("and 5 more"), "{error}");
    }

    #[test]
    fn the_error_names_the_file_and_says_that_nothing_is_placed() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "[]\n".repeat(25)).unwrap();
        let error = read(file.path()).unwrap_err().to_string();
        let name = file.path().display().to_string();
        assert!(error.starts_with(&format!("{name}: 25 of 25 lines")), "{error}");
        assert!(error.contains("\n  line 20 ") && error.ends_with("and 5 more"), "{error}");
    }
}
