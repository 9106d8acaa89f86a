//! `despatch import`: places the orders of a file through the gateway. Resumable: an order that is there stays one.
//!
//! Orders bring the authorisation of their payment along. With the feature `local`, the sandbox of a local deployment
//! authorises those that bring none.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::ExitCode;

use despatch_gateway::order_json;
use despatch_order_files::{FileOrder, GatewayClient, superstore};
#[cfg(feature = "local")]
use despatch_runtime::Database;
#[cfg(feature = "local")]
use despatch_scenario::{CheckoutClient, receive_stock};
use futures_util::StreamExt;
use indicatif::{ProgressBar, ProgressStyle};

use crate::args::ImportArgs;
use crate::config::Config;
use crate::local::DataDir;
#[cfg(feature = "local")]
use crate::local::with_local_servers;
use crate::result::Result;

/// How many orders are on their way to the gateway at once.
const AT_ONCE: usize = 32;

/// Places a file's orders and says what could not be placed.
pub(crate) async fn import(
    #[cfg_attr(not(feature = "local"), allow(unused_variables, reason = "only stock needs a database"))]
    config: Config,
    data_dir: &DataDir,
    args: &ImportArgs,
) -> Result<ExitCode> {
    let mut orders = read(&args.file)?;
    orders.truncate(args.orders.unwrap_or(usize::MAX));
    let address = data_dir.address();
    let (url, key) = match (&args.url, &args.api_key, &address) {
        (Some(url), Some(key), _) => (url, key),
        (None, _, Some(address)) => (&address.gateway_url, &address.api_key),
        _ => {
            return Err(
                "no deployment runs here; start one, or name its gateway by --url and --api-key".into()
            );
        }
    };
    let gateway = GatewayClient::new(url, key)?;
    // Where the payments of a deployment without a real provider are authorised.
    let sandbox =
        address.as_ref().filter(|_| args.url.is_none()).and_then(|it| it.sandbox_stripe_url.clone());
    #[cfg(feature = "local")]
    let refused = {
        if args.stock {
            let database = Database::new(&with_local_servers(config, data_dir).database_url, 1)?;
            receive_stock(&database, &format!("import of {}", args.file.display()), &orders).await?;
        }
        let checkout = CheckoutClient::new(gateway, sandbox)?;
        place_all(&orders, async |order| Ok(checkout.place(order).await?)).await?
    };
    #[cfg(not(feature = "local"))]
    let refused = {
        if sandbox.is_some() {
            return Err(
                "payments are authorised at a sandbox here; only a despatch with the feature `local` can"
                    .into(),
            );
        }
        place_all(&orders, async |order| Ok(gateway.place(&order.order).await?)).await?
    };
    eprintln!("{} orders placed or there already, {refused} not", orders.len() - refused);
    Ok(if refused == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Places the orders, many at once, and answers how many could not be placed.
async fn place_all(orders: &[FileOrder], place: impl AsyncFn(&FileOrder) -> Result<String>) -> Result<usize> {
    let style = ProgressStyle::with_template("{bar:40} {pos}/{len} orders  {per_sec}  {eta} left")?;
    let bar = ProgressBar::new(orders.len() as u64).with_style(style);
    let mut refused = 0;
    let place = &place;
    let mut placed = futures_util::stream::iter(orders)
        .map(|order| async move { (order, place(order).await) })
        .buffer_unordered(AT_ONCE);
    while let Some((order, outcome)) = placed.next().await {
        bar.inc(1);
        if let Err(error) = outcome {
            refused += 1;
            bar.suspend(|| eprintln!("{}/{}: {error}", order.shop, order.shop_order_id));
        }
    }
    bar.finish();
    Ok(refused)
}

fn read(path: &Path) -> Result<Vec<FileOrder>> {
    let file = File::open(path).map_err(|error| format!("{}: {error}", path.display()))?;
    if path.extension().is_some_and(|extension| extension == "csv") {
        return Ok(superstore::read(file)?);
    }
    let mut orders = Vec::new();
    for (number, line) in (1..).zip(BufReader::new(file).lines()) {
        let line = line?;
        if line.trim().is_empty() {
            continue;
        }
        let order =
            order_json::read(line.as_bytes()).map_err(|invalid| format!("line {number}: {invalid}"))?;
        orders.push(FileOrder {
            order: serde_json::from_str(&line)?,
            units: order.lines.iter().map(|line| (line.sku.clone(), line.quantity)).collect(),
            shop: order.shop,
            shop_order_id: order.shop_order_id,
            currency: order.currency,
            total_minor: order.total_minor,
        });
    }
    Ok(orders)
}
