//! `despatch stock explain`: every movement of a SKU, and the sum.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::process::ExitCode;

use despatch_order_files::GatewayClient;
use despatch_read_model::stock::{BucketUnits, StockMovement, StockOpening};
use serde::Deserialize;
use serde_json::json;

use super::list::unknown;
use crate::args::ExplainArgs;
use crate::commands::gateway::{connect, in_path};
use crate::config::Config;
use crate::local::DataDir;
use crate::output::{Table, local, print, width};
use crate::result::Result;

/// The bucket of units that are on the way from one location to another.
const TRANSIT: &str = "transit";

/// Movements of one request.
const PAGE: &str = "1000";

/// Units by location and bucket. Those in transit are under no location.
type Sums = BTreeMap<(String, String), i64>;

#[derive(Deserialize)]
struct Page {
    movements: Vec<StockMovement>,
    opening: Option<StockOpening>,
    next: Option<String>,
}

/// Prints the movements and the sums.
pub(super) async fn explain(config: &Config, data_dir: &DataDir, args: &ExplainArgs) -> Result<ExitCode> {
    let client = connect(config, data_dir, &args.gateway).await?.client;
    let (opening, movements) = read(&client, args).await?;
    let at = args.location.as_deref();
    if args.json {
        let sums = sums(opening.as_ref(), &movements, at);
        let sums = sums.iter().map(
            |((location, bucket), units)| json!({ "location": location, "bucket": bucket, "units": units }),
        );
        let sums: Vec<_> = sums.collect();
        let object = json!({ "sku": args.sku, "opening": opening, "movements": movements, "sums": sums });
        print(&format!("{object:#}\n"))?;
    } else {
        print(&as_lines((&args.sku, at), opening.as_ref(), &movements, width()))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Reads every page.
async fn read(
    client: &GatewayClient,
    args: &ExplainArgs,
) -> Result<(Option<StockOpening>, Vec<StockMovement>)> {
    let path = format!("/v1/stock/{}/movements", in_path(&args.sku));
    let until = args.at.map(|at| at.to_string());
    let (mut opening, mut movements) = (None, Vec::new());
    let mut after = None::<String>;
    loop {
        let mut params = vec![("limit", PAGE)];
        params.extend(args.location.as_deref().map(|location| ("location", location)));
        params.extend(until.as_deref().map(|until| ("until", until)));
        params.extend(after.as_deref().map(|after| ("after", after)));
        let page: Page = client.get(&path, &params).await.map_err(|error| unknown(&args.sku, &error))?;
        opening = opening.or(page.opening);
        movements.extend(page.movements);
        match page.next {
            Some(next) => after = Some(next),
            None => return Ok((opening, movements)),
        }
    }
}

/// Adds the movements up. Of one location alone nobody can say what is on the way.
fn sums(opening: Option<&StockOpening>, movements: &[StockMovement], at: Option<&str>) -> Sums {
    let mut sums = Sums::new();
    for BucketUnits { location, bucket, units } in opening.iter().flat_map(|opening| &opening.units) {
        *sums.entry((location.clone(), bucket.clone())).or_default() += units;
    }
    for StockMovement { location, from, to, quantity, .. } in movements {
        *sums.entry(place(location, from)).or_default() -= quantity;
        *sums.entry(place(location, to)).or_default() += quantity;
    }
    sums.retain(|(_, bucket), units| *units != 0 && (at.is_none() || bucket != TRANSIT));
    sums
}

fn place(location: &str, bucket: &str) -> (String, String) {
    let location = if bucket == TRANSIT { "" } else { location };
    (location.to_owned(), bucket.to_owned())
}

fn as_lines(
    (sku, at): (&str, Option<&str>),
    opening: Option<&StockOpening>,
    movements: &[StockMovement],
    width: Option<usize>,
) -> String {
    let mut running = sums(opening, &[], at);
    let mut lines = String::new();
    if movements.is_empty() && running.is_empty() {
        return format!("{sku}: no unit of it ever moved\n");
    }
    let mut table = Table::new(["AT", "LOCATION", "UNITS", "FROM", "TO", "AVAILABLE", "RESERVED", "CAUSE"])
        .right(&["UNITS", "AVAILABLE", "RESERVED"]);
    for movement in movements {
        let StockMovement { at, location, quantity, from, to, .. } = movement;
        *running.entry((location.clone(), from.clone())).or_default() -= quantity;
        *running.entry((location.clone(), to.clone())).or_default() += quantity;
        let now = |bucket: &str| {
            running.get(&(location.clone(), bucket.to_owned())).copied().unwrap_or_default().to_string()
        };
        table.row([
            local(*at),
            location.clone(),
            quantity.to_string(),
            from.clone(),
            to.clone(),
            now("available"),
            now("reserved"),
            // The longest, so it is the one that a narrow terminal cuts.
            cause(movement),
        ]);
    }
    if let Some(opening) = opening.filter(|opening| !opening.units.is_empty()) {
        // Writing to a string cannot fail.
        let _ =
            writeln!(lines, "the balance of {}, because earlier movements are not kept:", local(opening.at));
        lines.push_str(&sum_lines(&sums(Some(opening), &[], at)));
    }
    if !movements.is_empty() {
        lines.push_str(&table.render(width));
    }
    lines.push_str("the sum:\n");
    lines.push_str(&sum_lines(&sums(opening, movements, at)));
    lines
}

/// A line for each location: what is there, and what is elsewhere.
fn sum_lines(sums: &Sums) -> String {
    let mut places: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for ((location, bucket), units) in sums {
        // Units of suppliers are only the other side of what arrived.
        if bucket != "supplier" {
            places.entry(location).or_default().push(format!("{units} {bucket}"));
        }
    }
    if places.is_empty() {
        return "  nothing\n".to_owned();
    }
    let mut lines = String::new();
    for (location, units) in places {
        // Writing to a string cannot fail.
        let location = if location.is_empty() { "on the way" } else { location };
        let _ = writeln!(lines, "  {location}: {}", units.join(", "));
    }
    lines
}

/// The cause in words: what happened, why, and which order or request it is about.
fn cause(movement: &StockMovement) -> String {
    let mut words = match &*movement.cause {
        "stock.receive-requested" => "received",
        "stock.adjust-requested" => "corrected:",
        "stock.count-requested" => "counted",
        "stock.transfer-requested" => "transferred",
        "stock.transfer-arrived" => "transfer arrived",
        "stock.reserved" => "reserved",
        "stock.released" => "released",
        event => event,
    }
    .to_owned();
    let about = match (&movement.order_id, &movement.request_id) {
        (Some(order), _) => format!("order {order}"),
        (None, Some(request)) => format!("request {request}"),
        (None, None) => String::new(),
    };
    for (before, part) in [(" ", &movement.reason), (" by ", &movement.by), (", ", &about)] {
        if !part.is_empty() {
            words.push_str(before);
            words.push_str(part);
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;

    fn movement(id: i64, quantity: i64, from: &str, to: &str, cause: &str) -> StockMovement {
        StockMovement {
            id,
            at: Timestamp::UNIX_EPOCH,
            location: "main".to_owned(),
            quantity,
            from: from.to_owned(),
            to: to.to_owned(),
            cause: cause.to_owned(),
            order_id: (cause == "stock.reserved").then(|| "o-1".to_owned()),
            parcel: None,
            request_id: (cause != "stock.reserved").then(|| "r-1".to_owned()),
            reason: String::new(),
            by: String::new(),
        }
    }

    #[test]
    fn movements_add_up_to_what_is_there() {
        let movements = [
            movement(1, 50, "supplier", "available", "stock.receive-requested"),
            movement(2, 3, "available", "reserved", "stock.reserved"),
            StockMovement {
                reason: "damaged".to_owned(),
                by: "ann".to_owned(),
                ..movement(3, 2, "available", "damaged", "stock.adjust-requested")
            },
        ];
        let text = as_lines(("A-1", None), None, &movements, None);
        let text = anstream::adapter::strip_str(&text).to_string();
        assert!(
            text.contains("damaged           45         3  corrected: damaged by ann, request r-1\n"),
            "{text}"
        );
        assert!(text.ends_with("the sum:\n  main: 45 available, 2 damaged, 3 reserved\n"), "{text}");
        let units =
            vec![BucketUnits { location: "main".to_owned(), bucket: "available".to_owned(), units: 10 }];
        let opening = StockOpening { at: Timestamp::UNIX_EPOCH, units };
        let text = as_lines(("A-1", None), Some(&opening), &movements[1..2], None);
        let begins = text.lines().take(2).collect::<Vec<_>>();
        assert!(
            begins[0].starts_with("the balance of ") && begins[0].ends_with("movements are not kept:"),
            "{text}"
        );
        assert_eq!(begins[1], "  main: 10 available");
        assert!(text.ends_with("  main: 7 available, 3 reserved\n"), "{text}");
        assert_eq!(as_lines(("A-1", None), None, &[], None), "A-1: no unit of it ever moved\n");
    }

    #[test]
    fn units_on_the_way_are_at_no_location() {
        let left = movement(1, 5, "available", TRANSIT, "stock.transfer-requested");
        let there = StockMovement {
            location: "shop".to_owned(),
            ..movement(2, 2, TRANSIT, "available", "stock.transfer-arrived")
        };
        let moved = [movement(0, 9, "supplier", "available", "stock.receive-requested"), left, there];
        let text = as_lines(("A-1", None), None, &moved, None);
        assert!(
            text.ends_with("the sum:\n  on the way: 3 transit\n  main: 4 available\n  shop: 2 available\n"),
            "{text}"
        );
        let text = as_lines(("A-1", Some("main")), None, &moved[..2], None);
        assert!(text.ends_with("the sum:\n  main: 4 available\n"), "{text}");
    }
}
