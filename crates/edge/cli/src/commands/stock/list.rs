//! `despatch stock list`: how many units are where.

use std::fmt::Write as _;
use std::process::ExitCode;

use despatch_order_files::PlaceError;
use despatch_read_model::stock::{SkuStock, StockLevel};
use reqwest::StatusCode;
use serde::Deserialize;
use serde_json::json;

use crate::args::ListStockArgs;
use crate::commands::gateway::{connect, in_path, not_done};
use crate::config::Config;
use crate::local::DataDir;
use crate::output::{Table, next_command, print, width};
use crate::result::{Result, hinted};

#[derive(Deserialize)]
struct Page {
    levels: Vec<StockLevel>,
    next: Option<String>,
}

/// Prints the units.
pub(super) async fn list(config: &Config, data_dir: &DataDir, args: &ListStockArgs) -> Result<ExitCode> {
    let client = connect(config, data_dir, &args.gateway).await?.client;
    if let Some(sku) = &args.sku {
        let stock = client.get::<SkuStock>(&format!("/v1/stock/{}", in_path(sku)), &[]).await;
        let stock = stock.map_err(|error| unknown(sku, &error))?;
        print(&if args.json { format!("{:#}\n", json!(stock)) } else { of_sku(&stock, width()) })?;
        return Ok(ExitCode::SUCCESS);
    }
    let limit = args.limit.to_string();
    let mut params = vec![("limit", &*limit)];
    params.extend(args.location.as_deref().map(|location| ("location", location)));
    params.extend(args.after.as_deref().map(|after| ("after", after)));
    let page: Page = client.get("/v1/stock", &params).await.map_err(|error| not_done(&error, ""))?;
    if args.json {
        print(&format!("{:#}\n", json!({ "levels": page.levels, "next": page.next })))?;
    } else {
        print(&as_lines(&page, width()))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The error of a request about one SKU.
pub(super) fn unknown(sku: &str, error: &PlaceError) -> Box<dyn std::error::Error + Send + Sync> {
    match error {
        PlaceError::Refused { status: StatusCode::NOT_FOUND, .. } => {
            hinted(format!("no article has the SKU {sku:?}"), next_command("items list"))
        }
        error => not_done(error, ""),
    }
}

fn as_lines(page: &Page, width: Option<usize>) -> String {
    if page.levels.is_empty() {
        let receive = next_command("stock receive --from FILE.csv");
        return format!("no stock\nnext: {receive}\n");
    }
    let mut table =
        Table::new(["SKU", "LOCATION", "AVAILABLE", "RESERVED"]).right(&["AVAILABLE", "RESERVED"]);
    for StockLevel { sku, location, available, reserved } in &page.levels {
        table.row([sku.clone(), location.clone(), available.to_string(), reserved.to_string()]);
    }
    let mut lines = table.render(width);
    if let Some(next) = &page.next {
        // Writing to a string cannot fail.
        let _ = writeln!(lines, "more: --after '{}'", next.replace('\'', r"'\''"));
    }
    lines
}

fn of_sku(stock: &SkuStock, width: Option<usize>) -> String {
    let title = stock.title.as_ref().map(|title| format!("  {title}")).unwrap_or_default();
    let mut lines = format!("{}{title}\n", stock.sku);
    let mut table = Table::new(["LOCATION", "WHERE", "UNITS"]).right(&["UNITS"]);
    // Units of suppliers are only the other side of what arrived.
    for units in stock.buckets.iter().filter(|units| units.bucket != "supplier") {
        table.row([units.location.clone(), units.bucket.clone(), units.units.to_string()]);
    }
    if table.is_empty() {
        lines.push_str("no units\n");
    } else {
        lines.push_str(&table.render(width));
        // Writing to a string cannot fail.
        let _ = writeln!(lines, "next: {}", next_command(format_args!("stock explain {}", stock.sku)));
    }
    lines
}

#[cfg(test)]
mod tests {
    use despatch_read_model::stock::BucketUnits;

    use super::*;

    #[test]
    fn a_list_has_a_line_for_each_level_and_says_where_it_continues() {
        let level = |sku: &str, available| StockLevel {
            sku: sku.to_owned(),
            location: "main".to_owned(),
            available,
            reserved: 2,
        };
        let page = Page { levels: vec![level("A-1", 47), level("B", 0)], next: Some("main/B".to_owned()) };
        let text = anstream::adapter::strip_str(&as_lines(&page, Some(80))).to_string();
        insta::assert_snapshot!(text, @r"
SKU  LOCATION  AVAILABLE  RESERVED
A-1  main             47         2
B    main              0         2
more: --after 'main/B'
");
        let nothing = as_lines(&Page { levels: Vec::new(), next: None }, None);
        assert!(nothing.starts_with("no stock\nnext: despatch stock receive"), "{nothing}");
    }

    #[test]
    fn a_sku_has_a_line_for_each_place_of_its_units() {
        let units = |bucket: &str, units| BucketUnits {
            location: "main".to_owned(),
            bucket: bucket.to_owned(),
            units,
        };
        let stock = SkuStock {
            sku: "A-1".to_owned(),
            title: Some("Stapler".to_owned()),
            levels: Vec::new(),
            buckets: vec![units("available", 47), units("customer", 3), units("supplier", -50)],
        };
        let text = anstream::adapter::strip_str(&of_sku(&stock, Some(80))).to_string();
        insta::assert_snapshot!(text, @r"
A-1  Stapler
LOCATION  WHERE      UNITS
main      available     47
main      customer       3
next: despatch stock explain A-1
");
    }
}
