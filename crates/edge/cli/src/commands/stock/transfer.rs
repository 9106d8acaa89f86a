//! `despatch stock transfer` and `despatch stock arrive`: units on their way between locations.

use std::process::ExitCode;

use despatch_gateway::stock_json::MOST_ROWS;
use reqwest::Method;
use serde_json::json;

use super::cells;
use super::input::{Input, from_file};
use super::report::BOOKED;
use super::send::{Again, CHUNK, Command, Sender};
use crate::args::{ArriveArgs, FileArgs, TransferArgs};
use crate::commands::csv_file::Column;
use crate::config::Config;
use crate::local::DataDir;
use crate::result::{Result, hinted};

const TRANSFER_COLUMNS: [Column; 4] = [
    Column { name: "sku", required: true },
    Column { name: "from", required: true },
    Column { name: "to", required: true },
    Column { name: "quantity", required: true },
];

const ARRIVE_COLUMNS: [Column; 3] = [
    Column { name: "sku", required: true },
    Column { name: "to", required: true },
    Column { name: "quantity", required: true },
];

/// Sends units to another location.
pub(super) async fn transfer(
    config: &Config,
    data_dir: &DataDir,
    args: &TransferArgs,
    quiet: bool,
) -> Result<ExitCode> {
    let input = if let Some(path) = &args.file.from {
        from_file(path, &TRANSFER_COLUMNS, |row| {
            let sku = cells::sku(&row[0])?;
            let (from, to) = (cells::name("from", &row[1])?, cells::name("to", &row[2])?);
            if from == to {
                return Err(format!("to: expected another location than {from:?}, found the same"));
            }
            let quantity = cells::units("quantity", &row[3], 1)?;
            let body = json!({ "sku": sku, "from": from, "to": to, "quantity": quantity });
            Ok((sku, from, body))
        })?
    } else {
        let text = |value: &Option<String>| value.clone().unwrap_or_default();
        let (sku, from, to) = (text(&args.sku), text(&args.source), text(&args.target));
        let body = json!({ "sku": sku, "from": from, "to": to, "quantity": args.quantity });
        Input::one(&sku, &from, body)
    };
    // A transfer that arrives has one name, and so is one request.
    let is_one = args.arrives_later || !args.transfer.is_empty();
    if is_one && input.rows.len() > MOST_ROWS {
        return Err(hinted(
            format!("expected at most {MOST_ROWS} rows in one transfer, found {}", input.rows.len()),
            "split the file, and give each part a name of its own with --transfer",
        ));
    }
    let command = Command {
        method: Method::POST,
        path: "/v1/stock/transfers".to_owned(),
        fields: json!({ "transfer": args.transfer, "arrives_later": args.arrives_later }),
        rows: "rows",
        chunk: if is_one { MOST_ROWS } else { CHUNK },
        all_or_nothing: false,
        again: again(&args.file),
        repeat_with: String::new(),
        has_rest: false,
        words: BOOKED,
    };
    Sender::connect(config, data_dir, &args.request, quiet)
        .await?
        .send(command, input, args.file.refused.as_deref())
        .await
}

/// Reports an arrival.
pub(super) async fn arrive(
    config: &Config,
    data_dir: &DataDir,
    args: &ArriveArgs,
    quiet: bool,
) -> Result<ExitCode> {
    let input = match &args.file.from {
        Some(path) => from_file(path, &ARRIVE_COLUMNS, |row| {
            let (sku, to) = (cells::sku(&row[0])?, cells::name("to", &row[1])?);
            let quantity = cells::units("quantity", &row[2], 0)?;
            let body = json!({ "sku": sku, "to": to, "quantity": quantity });
            Ok((sku, to, body))
        })?
        .refuse_twice(),
        None => Input::default(),
    };
    let command = Command {
        method: Method::POST,
        path: format!("/v1/stock/transfers/{}/arrivals", args.transfer),
        fields: json!({}),
        rows: "rows",
        // The units of an article are one row, and only within a request is a second one refused.
        chunk: usize::MAX,
        all_or_nothing: true,
        again: again(&args.file),
        repeat_with: String::new(),
        has_rest: false,
        words: BOOKED,
    };
    Sender::connect(config, data_dir, &args.request, quiet)
        .await?
        .send(command, input, args.file.refused.as_deref())
        .await
}

/// A file is known by its contents; what is typed is done each time.
fn again(file: &FileArgs) -> Again {
    if file.from.is_some() { Again::SameRequest } else { Again::Another }
}
