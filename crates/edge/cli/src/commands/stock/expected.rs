//! `despatch stock expected`: deliveries that suppliers announced, and what came of them.

use std::fmt::Write as _;
use std::process::ExitCode;

use despatch_order_files::{GatewayClient, PlaceError};
use despatch_read_model::deliveries::{ExpectedDelivery, ExpectedDeliveryRow};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::{Method, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::cells;
use super::input::{Input, from_file};
use super::report::Words;
use super::send::{Again, CHUNK, Command, Sender};
use crate::args::{
    EndExpectedArgs, ExpectedArgs, ExpectedCommand, ListExpectedArgs, SetExpectedArgs, ShowExpectedArgs,
};
use crate::commands::csv_file::Column;
use crate::commands::gateway::{connect, not_done};
use crate::config::Config;
use crate::local::DataDir;
use crate::output::{Table, local, next_command, print, width};
use crate::result::{Result, hinted};

const COLUMNS: [Column; 3] = [
    Column { name: "sku", required: true },
    Column { name: "location", required: false },
    Column { name: "quantity", required: true },
];

/// The most rows that are shown after a receipt.
const SHOWN: usize = 20;

#[derive(Deserialize)]
struct Page {
    deliveries: Vec<ExpectedDelivery>,
    next: Option<String>,
}

/// A delivery with its rows.
#[derive(Debug, Serialize, Deserialize)]
struct Details {
    #[serde(flatten)]
    delivery: ExpectedDelivery,
    lines: Vec<ExpectedDeliveryRow>,
}

/// Runs the subcommand. `quiet` shows no progress.
pub(super) async fn run(
    config: &Config,
    data_dir: &DataDir,
    args: &ExpectedArgs,
    quiet: bool,
) -> Result<ExitCode> {
    match &args.command {
        Some(ExpectedCommand::Set(args)) => set(config, data_dir, args, quiet).await,
        Some(ExpectedCommand::Close(args)) => end(config, data_dir, args, ("close", "closed"), quiet).await,
        Some(ExpectedCommand::Cancel(args)) => {
            end(config, data_dir, args, ("cancel", "cancelled"), quiet).await
        }
        Some(ExpectedCommand::Show(args)) => show(config, data_dir, args).await,
        Some(ExpectedCommand::List(args)) => list(config, data_dir, args).await,
        None => list(config, data_dir, &args.list).await,
    }
}

async fn set(config: &Config, data_dir: &DataDir, args: &SetExpectedArgs, quiet: bool) -> Result<ExitCode> {
    let location = args.location.as_deref();
    let body = |sku: &str, location: &str, quantity: i64| json!({ "sku": sku, "location": location, "quantity": quantity });
    let input = match (&args.file.from, args.sku.as_deref().zip(args.quantity)) {
        (Some(path), _) => from_file(path, &COLUMNS, |row| {
            let sku = cells::sku(&row[0])?;
            let place = cells::location(&row[1], location)?;
            let quantity = cells::units("quantity", &row[2], 0)?;
            let body = body(&sku, &place, quantity);
            Ok((sku, place, body))
        })?
        .refuse_twice(),
        (None, Some((sku, quantity))) => {
            let place = location.ok_or_else(|| hinted("expected a location, found none", "--location ID"))?;
            Input::one(sku, place, body(sku, place, quantity))
        }
        (None, None) => Input::default(),
    };
    let words = if args.file.from.is_none() && args.sku.is_none() {
        Words { one: "delivery", many: "deliveries", done: "changed", next: "stock expected" }
    } else {
        Words { one: "row", many: "rows", done: "expected", next: "stock expected" }
    };
    let mut fields = json!({ "delivery": args.delivery });
    for (name, value) in [("supplier", &args.supplier), ("contact", &args.contact)] {
        if let Some(value) = value {
            fields[name] = value.as_str().into();
        }
    }
    if let Some(due) = args.due {
        fields["due"] = due.to_string().into();
    }
    let command = Command {
        method: Method::POST,
        path: "/v1/stock/deliveries".to_owned(),
        fields,
        rows: "rows",
        chunk: CHUNK,
        all_or_nothing: false,
        // The same announcement again changes nothing, and opens a delivery again that was cancelled.
        again: Again::SameRows,
        repeat_with: String::new(),
        has_rest: false,
        words,
    };
    let sender = Sender::connect(config, data_dir, &args.request, quiet).await?;
    sender.send(command, input, args.file.refused.as_deref()).await
}

async fn end(
    config: &Config,
    data_dir: &DataDir,
    args: &EndExpectedArgs,
    (verb, done): (&str, &'static str),
    quiet: bool,
) -> Result<ExitCode> {
    let command = Command {
        method: Method::POST,
        path: format!("{}/{verb}", path(&args.delivery)),
        fields: json!({}),
        rows: "",
        chunk: CHUNK,
        all_or_nothing: false,
        again: Again::SameRows,
        repeat_with: String::new(),
        has_rest: false,
        words: Words { one: "delivery", many: "deliveries", done, next: "stock expected" },
    };
    let sender = Sender::connect(config, data_dir, &args.request, quiet).await?;
    let done = sender.send(command, Input::default(), None).await?;
    if done == ExitCode::SUCCESS && !args.request.json && !args.request.wait.no_wait {
        tell(sender.client(), &args.delivery).await?;
    }
    Ok(done)
}

/// Sends the receiver's word after a receipt of this name, if `is_all`: nothing more comes. Prints how the delivery stands, unless nobody
/// announced it.
pub(super) async fn after_receipt(sender: &Sender<'_>, delivery: &str, is_all: bool, json: bool) -> Result {
    if is_all {
        sender.request(&format!("{}/close", path(delivery))).await?;
    }
    if json { Ok(()) } else { tell(sender.client(), delivery).await }
}

/// Prints how a delivery stands; nothing if nobody announced it.
async fn tell(client: &GatewayClient, delivery: &str) -> Result {
    match details(client, delivery).await {
        Ok(details) => Ok(print(&summary(&details, width()))?),
        Err(PlaceError::Refused { status: StatusCode::NOT_FOUND, .. }) => Ok(()),
        Err(error) => Err(not_done(&error, "")),
    }
}

async fn details(client: &GatewayClient, delivery: &str) -> Result<Details, PlaceError> {
    client.get(&path(delivery), &[]).await
}

fn path(delivery: &str) -> String {
    format!("/v1/stock/deliveries/{}", utf8_percent_encode(delivery, NON_ALPHANUMERIC))
}

async fn show(config: &Config, data_dir: &DataDir, args: &ShowExpectedArgs) -> Result<ExitCode> {
    let client = connect(config, data_dir, &args.gateway).await?.client;
    let details = details(&client, &args.delivery).await.map_err(|error| match error {
        PlaceError::Refused { status: StatusCode::NOT_FOUND, .. } => hinted(
            format!("nobody announced a delivery {:?}", args.delivery),
            next_command("stock expected list --all"),
        ),
        error => not_done(&error, ""),
    })?;
    if args.json {
        print(&format!("{:#}\n", serde_json::to_value(&details)?))?;
    } else {
        print(&whole(&details, width()))?;
    }
    Ok(ExitCode::SUCCESS)
}

async fn list(config: &Config, data_dir: &DataDir, args: &ListExpectedArgs) -> Result<ExitCode> {
    let client = connect(config, data_dir, &args.gateway).await?.client;
    let limit = args.limit.to_string();
    let mut params = vec![("limit", &*limit)];
    params.extend(args.all.then_some(("all", "true")));
    params.extend(args.after.as_deref().map(|after| ("after", after)));
    let page: Page =
        client.get("/v1/stock/deliveries", &params).await.map_err(|error| not_done(&error, ""))?;
    if args.json {
        print(&format!("{:#}\n", json!({ "deliveries": page.deliveries, "next": page.next })))?;
    } else {
        print(&as_lines(&page, width()))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn as_lines(page: &Page, width: Option<usize>) -> String {
    if page.deliveries.is_empty() {
        let set = next_command("stock expected set NAME --due DATE --from FILE.csv");
        return format!("no deliveries are expected\nnext: {set}\n");
    }
    let mut table = Table::new(["DELIVERY", "SUPPLIER", "DUE", "EXPECTED", "BOOKED", "OPEN", "STATE"])
        .right(&["EXPECTED", "BOOKED", "OPEN"]);
    for it in &page.deliveries {
        table.row([
            it.delivery.clone(),
            it.supplier.clone(),
            local(it.due),
            it.expected.to_string(),
            it.booked.to_string(),
            it.open.to_string(),
            state(it).to_owned(),
        ]);
    }
    let mut lines = table.render(width);
    if let Some(next) = &page.next {
        // Writing to a string cannot fail.
        let _ = writeln!(lines, "more: --after '{}'", next.replace('\'', r"'\''"));
    }
    lines
}

fn state(delivery: &ExpectedDelivery) -> &str {
    if delivery.is_overdue { "overdue" } else { &delivery.state }
}

fn whole(Details { delivery, lines }: &Details, width: Option<usize>) -> String {
    let of = if delivery.supplier.is_empty() { String::new() } else { format!(" of {}", delivery.supplier) };
    let mut text = format!("{}{of}, {}, due {}\n", delivery.delivery, state(delivery), local(delivery.due));
    if !delivery.contact.is_empty() {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "contact: {}", delivery.contact);
    }
    text.push_str(&table(&lines.iter().collect::<Vec<_>>()).render(width));
    text
}

fn table(rows: &[&ExpectedDeliveryRow]) -> Table {
    let mut table = Table::new(["SKU", "LOCATION", "EXPECTED", "BOOKED"]).right(&["EXPECTED", "BOOKED"]);
    for ExpectedDeliveryRow { sku, location, expected, booked } in rows {
        table.row([sku.clone(), location.clone(), expected.to_string(), booked.to_string()]);
    }
    table
}

/// How a delivery stands after a receipt or at its end.
fn summary(Details { delivery, lines }: &Details, width: Option<usize>) -> String {
    let ExpectedDelivery { delivery: name, due, expected, booked, .. } = delivery;
    let is_open = delivery.state == "open";
    let differs =
        |row: &&ExpectedDeliveryRow| row.booked > row.expected || (!is_open && row.booked < row.expected);
    let differing: Vec<&ExpectedDeliveryRow> = lines.iter().filter(differs).collect();
    let state = match (&*delivery.state, differing.is_empty()) {
        ("open", _) => format!("open: {booked} of {expected} units are booked, due {}", local(*due)),
        ("cancelled", _) => "cancelled".to_owned(),
        (_, true) => format!("complete, as announced: {booked} units"),
        (_, false) => "closed, and differs from its announcement".to_owned(),
    };
    let mut text = format!("{name} is {state}\n");
    if !differing.is_empty() {
        text.push_str("These rows differ; purchasing gets a case:\n");
        text.push_str(&table(&differing[..differing.len().min(SHOWN)]).render(width));
        if differing.len() > SHOWN {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "and {} more rows", differing.len() - SHOWN);
        }
    }
    if is_open {
        let close = next_command(format_args!("stock expected close '{name}'"));
        let _ = writeln!(text, "If nothing more of it comes: {close}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn delivery(state: &str) -> ExpectedDelivery {
        ExpectedDelivery {
            delivery: "PO-7".to_owned(),
            due: "2026-12-03T12:00:00Z".parse().unwrap(),
            supplier: "Acme".to_owned(),
            contact: "orders@acme.example".to_owned(),
            state: state.to_owned(),
            is_overdue: false,
            rows: 2,
            expected: 12,
            booked: 11,
            open: 2,
        }
    }

    fn row(sku: &str, expected: i64, booked: i64) -> ExpectedDeliveryRow {
        ExpectedDeliveryRow { sku: sku.to_owned(), location: "main".to_owned(), expected, booked }
    }

    fn plain(text: &str) -> String {
        let due = local("2026-12-03T12:00:00Z".parse().unwrap());
        anstream::adapter::strip_str(text).to_string().replace(&due, "[due]")
    }

    #[test]
    fn a_list_has_a_line_for_each_delivery() {
        let late = ExpectedDelivery { is_overdue: true, supplier: String::new(), ..delivery("open") };
        let page = Page { deliveries: vec![delivery("open"), late], next: Some("2026,PO-7".to_owned()) };
        let text = plain(&as_lines(&page, None));
        let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
        assert!(lines[0].starts_with("DELIVERY  SUPPLIER  DUE "), "{text}");
        assert!(lines[1].starts_with("PO-7      Acme      [due]") && lines[1].ends_with("open"), "{text}");
        assert!(lines[2].starts_with("PO-7      –         [due]") && lines[2].ends_with("overdue"), "{text}");
        assert_eq!(lines[3..], ["more: --after '2026,PO-7'"]);
        let nothing = as_lines(&Page { deliveries: Vec::new(), next: None }, None);
        assert!(
            nothing.starts_with("no deliveries are expected\nnext: despatch stock expected set"),
            "{nothing}"
        );
    }

    #[test]
    fn the_receiver_sees_how_the_delivery_stands() {
        let summary = |state: &str, lines: Vec<ExpectedDeliveryRow>| {
            plain(&summary(&Details { delivery: delivery(state), lines }, None))
        };
        insta::assert_snapshot!(summary("open", vec![row("A", 10, 11), row("B", 2, 0)]), @r"
PO-7 is open: 11 of 12 units are booked, due [due]
These rows differ; purchasing gets a case:
SKU  LOCATION  EXPECTED  BOOKED
A    main            10      11
If nothing more of it comes: despatch stock expected close 'PO-7'
");
        insta::assert_snapshot!(summary("closed", vec![row("A", 10, 11), row("B", 2, 0)]), @r"
PO-7 is closed, and differs from its announcement
These rows differ; purchasing gets a case:
SKU  LOCATION  EXPECTED  BOOKED
A    main            10      11
B    main             2       0
");
        insta::assert_snapshot!(summary("closed", vec![row("A", 10, 10)]), @"PO-7 is complete, as announced: 11 units");
    }
}
