//! `despatch import`: places the orders of a file through the gateway. Resumable: an order that is there stays one.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::ExitCode;

use despatch_gateway::order_json;
use despatch_order_files::{FileOrder, superstore};
use despatch_runtime::Database;
use futures_util::StreamExt;
use indicatif::{ProgressBar, ProgressStyle};

use crate::Outcome;
use crate::args::ImportArgs;
use crate::checkout::Till;
use crate::config::Config;
use crate::home::Home;

/// How many orders are on their way to the gateway at once.
const AT_ONCE: usize = 32;

/// Places a file's orders and says what could not be placed.
pub(crate) async fn import(config: &Config, home: &Home, args: &ImportArgs) -> Outcome<ExitCode> {
    let mut baskets = read(&args.file)?;
    baskets.truncate(args.orders.unwrap_or(usize::MAX));
    let address = home.address();
    let (url, key) = match (&args.url, &args.api_key, &address) {
        (Some(url), Some(key), _) => (url.clone(), key.clone()),
        (None, _, Some(address)) => (address.gateway_url.clone(), address.api_key.clone()),
        _ => {
            return Err(
                "no site runs here; start one with `despatch up`, or name one by --url and --api-key".into(),
            );
        }
    };
    if args.stock {
        let url = match &address {
            Some(address) if config.database_url.is_empty() => &address.database_url,
            _ => &config.database_url,
        };
        stock(&Database::new(url, 1)?, &format!("import of {}", args.file.display()), &baskets).await?;
    }
    let stripe = address.filter(|_| args.url.is_none()).and_then(|address| address.sandbox_stripe_url);
    let till = Till::new(&url, &key, stripe)?;
    let style = ProgressStyle::with_template("{bar:40} {pos}/{len} orders  {per_sec}  {eta} left")?;
    let bar = ProgressBar::new(baskets.len() as u64).with_style(style);
    let mut refused = 0;
    let till = &till;
    let mut placed = futures_util::stream::iter(&baskets)
        .map(|basket| async move { (basket, till.place(basket).await) })
        .buffer_unordered(AT_ONCE);
    while let Some((basket, outcome)) = placed.next().await {
        bar.inc(1);
        if let Err(error) = outcome {
            refused += 1;
            bar.suspend(|| eprintln!("{}/{}: {error}", basket.shop, basket.shop_order_id));
        }
    }
    bar.finish();
    eprintln!("{} orders placed or there already, {refused} not", baskets.len() - refused);
    Ok(if refused == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn read(path: &Path) -> Outcome<Vec<FileOrder>> {
    let file = File::open(path).map_err(|error| format!("{}: {error}", path.display()))?;
    if path.extension().is_some_and(|extension| extension == "csv") {
        return Ok(superstore::read(file)?);
    }
    let mut baskets = Vec::new();
    for (number, line) in (1..).zip(BufReader::new(file).lines()) {
        let line = line?;
        if line.trim().is_empty() {
            continue;
        }
        let order =
            order_json::read(line.as_bytes()).map_err(|invalid| format!("line {number}: {invalid}"))?;
        baskets.push(FileOrder {
            order: serde_json::from_str(&line)?,
            units: order.lines.iter().map(|line| (line.sku.clone(), line.quantity)).collect(),
            shop: order.shop,
            shop_order_id: order.shop_order_id,
            currency: order.currency,
            total_minor: order.total_minor,
        });
    }
    Ok(baskets)
}

/// Where an import's or the demo's stock lies.
const LOCATIONS: [(&str, &str, &str); 3] =
    [("louisville", "Louisville", "KY"), ("reno", "Reno", "NV"), ("allentown", "Allentown", "PA")];

/// Books as received what these orders want, once for each receipt. Most SKUs lie in one place, so most orders are one
/// parcel; some lie elsewhere or in two places.
pub async fn stock(db: &Database, receipt: &str, baskets: &[FileOrder]) -> Outcome {
    use despatch_inventory::store::{Location, open_locations, receive};

    let mut wanted = std::collections::BTreeMap::<&str, i64>::new();
    for (sku, units) in
        baskets.iter().flat_map(|basket| &basket.units).filter(|(sku, units)| !sku.is_empty() && *units > 0)
    {
        let wanted = wanted.entry(sku).or_default();
        *wanted = wanted.saturating_add(*units);
    }
    let locations = (1..).zip(LOCATIONS).map(|(rank, (id, name, region))| Location {
        id: id.to_owned(),
        name: name.to_owned(),
        country: "US".to_owned(),
        region: region.to_owned(),
        rank,
    });
    let mut units = Vec::new();
    for (index, (sku, wanted)) in wanted.into_iter().enumerate() {
        let [main, second, third] = LOCATIONS.map(|(id, ..)| id);
        match index % 20 {
            0 => units.push((sku, third, wanted)),
            1 | 2 if wanted > 1 => {
                units.extend([(sku, main, wanted / 2), (sku, second, wanted - wanted / 2)]);
            }
            _ => units.push((sku, main, wanted)),
        }
    }
    let client = db.client().await?;
    open_locations(&**client, &locations.collect::<Vec<_>>()).await?;
    receive(&**client, receipt, &units).await?;
    Ok(())
}
