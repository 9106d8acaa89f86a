//! `despatch stock receive`: units from suppliers.

use std::process::ExitCode;

use despatch_gateway::stock_json::{MOST_ROWS_TOGETHER, row_ids};
use reqwest::Method;
use serde_json::{Value, json};

use super::cells;
use super::expected;
use super::input::{Input, from_file};
use super::report::BOOKED;
use super::send::{CHUNK, Command, Sender};
use crate::args::{FileArgs, ReceiveArgs};
use crate::commands::csv_file::Column;
use crate::config::Config;
use crate::local::DataDir;
use crate::result::{Result, hinted};

const COLUMNS: [Column; 3] = [
    Column { name: "sku", required: true },
    Column { name: "location", required: false },
    Column { name: "quantity", required: true },
];

/// Receives units.
pub(super) async fn receive(
    config: &Config,
    data_dir: &DataDir,
    args: &ReceiveArgs,
    quiet: bool,
) -> Result<ExitCode> {
    let mut input = arrived(&args.file, args.sku.as_deref().zip(args.quantity), args.location.as_deref())?;
    // A row that is typed is a delivery of its own, unless the delivery has a name.
    if args.file.from.is_some() || !args.receipt.is_empty() {
        identify(&mut input);
    }
    let rows = input.rows.len();
    if args.all_or_nothing && rows > MOST_ROWS_TOGETHER {
        return Err(hinted(
            format!("expected at most {MOST_ROWS_TOGETHER} rows with --all-or-nothing, found {rows}"),
            "leave out --all-or-nothing, or split the file",
        ));
    }
    let command = Command {
        method: Method::POST,
        path: "/v1/stock/receipts".to_owned(),
        fields: json!({ "receipt": args.receipt, "all_or_nothing": args.all_or_nothing }),
        rows: "rows",
        chunk: if args.all_or_nothing { MOST_ROWS_TOGETHER } else { CHUNK },
        all_or_nothing: args.all_or_nothing,
        // Each row has an identity of its own.
        known_by_contents: false,
        words: BOOKED,
    };
    let sender = Sender::connect(config, data_dir, &args.request, quiet).await?;
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
            let body = body(&sku, &place, quantity);
            Ok((sku, place, body))
        });
    }
    let ((sku, quantity), location) = (one.unwrap_or_default(), location.unwrap_or_default());
    Ok(Input::one(sku, location, body(sku, location, quantity)))
}

/// Gives each row its identity within the delivery.
fn identify(input: &mut Input) {
    let units = |body: &Value| body["quantity"].as_i64().unwrap_or_default();
    let rows = input.rows.iter().map(|row| (&*row.sku, &*row.location, units(&row.body)));
    let ids = row_ids(rows);
    for (row, id) in input.rows.iter_mut().zip(ids) {
        row.body["row_id"] = id.into();
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    fn read(text: &str, location: Option<&str>) -> Input {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        let from = FileArgs { from: Some(PathBuf::from(file.path())), refused: None };
        let mut input = arrived(&from, None, location).unwrap();
        identify(&mut input);
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
}
