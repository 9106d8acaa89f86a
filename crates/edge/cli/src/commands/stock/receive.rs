//! `despatch stock receive`: units from suppliers.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::process::ExitCode;

use despatch_gateway::stock_json::{MOST_ROWS_TOGETHER, row_ids};
use reqwest::Method;
use serde_json::{Value, json};

use super::cells;
use super::expected;
use super::input::{Input, InputRow, from_file};
use super::report::BOOKED;
use super::rest::{self, Contents, REST_OF};
use super::send::{Again, CHUNK, Command, Sender};
use crate::args::{FileArgs, ReceiveArgs};
use crate::commands::csv_file::Column;
use crate::config::Config;
use crate::local::DataDir;
use crate::result::{Result, hinted};

const COLUMNS: [Column; 4] = [
    Column { name: "sku", required: true },
    Column { name: "location", required: false },
    Column { name: "quantity", required: true },
    Column { name: REST_OF, required: false },
];

/// Receives units.
pub(super) async fn receive(
    config: &Config,
    data_dir: &DataDir,
    args: &ReceiveArgs,
    quiet: bool,
) -> Result<ExitCode> {
    let mut input = arrived(&args.file, args.sku.as_deref().zip(args.quantity), args.location.as_deref())?;
    let rows = input.rows.len();
    if args.all_or_nothing && rows > MOST_ROWS_TOGETHER {
        return Err(hinted(
            format!("expected at most {MOST_ROWS_TOGETHER} rows with --all-or-nothing, found {rows}"),
            "leave out --all-or-nothing, or split the file",
        ));
    }
    // A row that is typed is a delivery of its own, unless the delivery has a name.
    let is_known = args.file.from.is_some() || !args.receipt.is_empty();
    let command = Command {
        method: Method::POST,
        path: "/v1/stock/receipts".to_owned(),
        fields: json!({ "receipt": args.receipt, "all_or_nothing": args.all_or_nothing }),
        rows: "rows",
        chunk: if args.all_or_nothing { MOST_ROWS_TOGETHER } else { CHUNK },
        all_or_nothing: args.all_or_nothing,
        again: if is_known { Again::SameRows } else { Again::Another },
        repeat_with: String::new(),
        has_rest: true,
        words: BOOKED,
    };
    let sender = Sender::connect(config, data_dir, &args.request, quiet).await?;
    if is_known {
        let mut booked = HashMap::new();
        for cell in rests(&input) {
            let rows = sender.booked_by(&cell, &args.receipt).await?;
            booked.insert(cell, rows);
        }
        identify(&mut input, &booked);
    }
    let done = sender.send(command, input, args.file.refused.as_deref()).await?;
    if !args.receipt.is_empty() && !args.request.wait.no_wait {
        // Rows that were refused come again.
        let is_all = args.file.from.is_some() && !args.more_follows && done == ExitCode::SUCCESS;
        expected::after_receipt(&sender, &args.receipt, is_all, args.request.json).await?;
    }
    Ok(done)
}

/// The rows of units that arrived.
fn arrived(file: &FileArgs, one: Option<(&str, i64)>, location: Option<&str>) -> Result<Input> {
    let body = |sku: &str, location: &str, quantity: i64| json!({ "sku": sku, "location": location, "quantity": quantity });
    if let Some(path) = &file.from {
        return from_file(path, &COLUMNS, |row| {
            let sku = cells::sku(&row[0])?;
            let place = cells::location(&row[1], location)?;
            let quantity = cells::units("quantity", &row[2], 1)?;
            rest::read(&row[3])?;
            let mut body = body(&sku, &place, quantity);
            if !row[3].is_empty() {
                body[REST_OF] = row[3].clone().into();
            }
            Ok((sku, place, body))
        });
    }
    let ((sku, quantity), location) = (one.unwrap_or_default(), location.unwrap_or_default());
    Ok(Input::one(sku, location, body(sku, location, quantity)))
}

/// The different cells of the column `rest_of`.
fn rests(input: &Input) -> BTreeSet<String> {
    input.rows.iter().filter_map(|row| row.body.get(REST_OF)?.as_str()).map(str::to_owned).collect()
}

/// Gives each row its identity within the delivery. A row of the rest comes after the rows that were booked before it: those in `booked`, by
/// the cell of the column `rest_of`.
fn identify(input: &mut Input, booked: &HashMap<String, Vec<Contents>>) {
    let mut groups = BTreeMap::<String, Vec<&mut InputRow>>::new();
    for row in &mut input.rows {
        let rest = row.body.as_object_mut().and_then(|body| body.remove(REST_OF));
        let rest = rest.as_ref().and_then(Value::as_str).unwrap_or_default();
        groups.entry(rest.to_owned()).or_default().push(row);
    }
    for (rest, rows) in groups {
        let before = booked.get(&rest).map_or(&[][..], Vec::as_slice);
        let units = |body: &Value| body["quantity"].as_i64().unwrap_or_default();
        let ids = row_ids(
            (before.iter().map(|(sku, location, units)| (&**sku, &**location, *units)))
                .chain(rows.iter().map(|row| (&*row.sku, &*row.location, units(&row.body)))),
        );
        for (row, id) in rows.into_iter().zip(ids.into_iter().skip(before.len())) {
            row.body["row_id"] = id.into();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    fn read(text: &str, location: Option<&str>) -> Input {
        read_rest(text, location, &HashMap::new())
    }

    fn read_rest(text: &str, location: Option<&str>, booked: &HashMap<String, Vec<Contents>>) -> Input {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        let from = FileArgs { from: Some(PathBuf::from(file.path())), refused: None };
        let mut input = arrived(&from, None, location).unwrap();
        identify(&mut input, booked);
        input
    }

    fn ids(input: &Input) -> Vec<&str> {
        input.rows.iter().map(|row| row.body["row_id"].as_str().unwrap()).collect()
    }

    #[test]
    fn a_row_keeps_its_identity_when_the_file_is_corrected_sorted_and_saved_in_another_form() {
        let first = read("sku,location,quantity\nA,main,1\nB,mian,2\nC,main,x\nA,main,1\n", None);
        assert_eq!(first.unread.len(), 1);
        assert_eq!(first.unread[0].origin.line, 4);
        let corrected = read("Quantity;SKU;note\n1;A;late\n2;B;\n3;C;\n1;A;\n", Some("main"));
        let (before, after) = (ids(&first), ids(&corrected));
        assert_eq!([before[0], before[2]], [after[0], after[3]], "rows that were good");
        assert_ne!(after[0], after[3], "two equal rows are two");
        assert!(!before.contains(&after[1]) && !before.contains(&after[2]), "rows that were corrected");
    }

    /// The second row is refused, and becomes equal to the first one: sent alone or in the whole file, it is the second one.
    #[test]
    fn a_corrected_row_that_equals_a_booked_one_is_another_whether_it_comes_alone_or_in_the_whole_file() {
        let whole = read("sku,location,quantity\nLAMP-2,main,5\nLAMP-2,main,5\n", None);
        let first = read("sku,location,quantity\nLAMP-2,main,5\nLAMP-2,mian,5\n", None);
        assert_eq!(ids(&first)[0], ids(&whole)[0]);
        let booked = HashMap::from([(
            "request R".to_owned(),
            vec![("LAMP-2".to_owned(), "main".to_owned(), 5), ("CHAIR-1".to_owned(), "main".to_owned(), 5)],
        )]);
        let text =
            "sku,location,quantity,rest_of,problem\nLAMP-2,main,5,request R,why\nSOFA,main,5,request R,why\n";
        let rest = read_rest(text, None, &booked);
        assert_eq!(ids(&rest)[0], ids(&whole)[1]);
        assert_eq!(ids(&rest)[1], ids(&read("sku,location,quantity\nSOFA,main,5\n", None))[0]);
        assert!(
            rest.rows.iter().all(|row| row.body.get(REST_OF).is_none()),
            "the gateway knows no such field"
        );
    }

    #[test]
    fn a_row_that_is_the_rest_of_nothing_is_refused() {
        let input = read("sku,location,quantity,rest_of\nLAMP-2,main,5,yesterday\n", None);
        assert!(input.unread[0].problem.starts_with("rest_of: expected `request ID`"), "{input:?}");
    }
}
