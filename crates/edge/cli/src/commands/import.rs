//! `despatch import`: places the orders of a file through the gateway. Resumable: an order that is there stays one.
//!
//! Orders bring the authorisation of their payment along. With the feature `local`, the sandbox of a local deployment
//! authorises those that bring none.

mod file;
mod report;

use std::process::ExitCode;

#[cfg(feature = "local")]
use despatch_order_files::PlaceError;
use despatch_order_files::{FileOrder, Placed};
#[cfg(feature = "local")]
use despatch_runtime::Database;
#[cfg(feature = "local")]
use despatch_scenario::{CheckoutClient, CheckoutError, receive_stock};
use futures_util::StreamExt;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use self::report::ImportReport;
use super::gateway::{connect, final_error, refusal};
use crate::args::ImportArgs;
use crate::config::Config;
use crate::local::DataDir;
#[cfg(feature = "local")]
use crate::local::with_local_servers;
use crate::output::{print, tell};
use crate::result::Result;

/// How many orders are on their way to the gateway at once.
const AT_ONCE: usize = 32;

/// Places a file's orders and says what became of them.
pub(crate) async fn import(
    config: Config,
    data_dir: &DataDir,
    args: &ImportArgs,
    quiet: bool,
) -> Result<ExitCode> {
    let mut orders = file::read(&args.file)?;
    orders.truncate(args.orders.unwrap_or(usize::MAX));
    let gateway = connect(&config, data_dir, &args.gateway).await?;
    let mut report = ImportReport::default();
    #[cfg(feature = "local")]
    {
        if args.stock {
            let database = Database::new(&with_local_servers(config, data_dir)?.database_url, 1)?;
            report.units_received = Some(receive_stock(&database, &orders).await?);
        }
        let checkout = CheckoutClient::new(gateway.client, gateway.sandbox)?;
        let place = async |order: &FileOrder| checkout.place(order).await.map_err(why);
        place_all(&orders, &mut report, quiet, place).await?;
    }
    #[cfg(not(feature = "local"))]
    {
        if gateway.sandbox.is_some() {
            return Err(
                "payments are authorised at a sandbox here; only a despatch with the feature `local` can"
                    .into(),
            );
        }
        let place = async |order: &FileOrder| {
            let placed = gateway.client.place(&order.order).await;
            placed.map_err(|error| {
                final_error(&error).map_or_else(|| NotPlaced::Refused(refusal(&error)), NotPlaced::Ends)
            })
        };
        place_all(&orders, &mut report, quiet, place).await?;
    }
    print(&if args.json { report.as_json()? } else { report.as_lines() })?;
    Ok(if report.refused.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Why an order was not placed.
enum NotPlaced {
    /// This order, while others may be.
    Refused(String),
    /// No other would be either.
    Ends(Box<dyn std::error::Error + Send + Sync>),
}

#[cfg(feature = "local")]
fn why(error: CheckoutError) -> NotPlaced {
    let why = |error: &PlaceError| {
        final_error(error).map_or_else(|| NotPlaced::Refused(refusal(error)), NotPlaced::Ends)
    };
    match error {
        CheckoutError::NotPlaced(error) => why(&error),
        error => NotPlaced::Refused(error.to_string()),
    }
}

/// Places the orders, many at once.
async fn place_all(
    orders: &[FileOrder],
    report: &mut ImportReport,
    quiet: bool,
    place: impl AsyncFn(&FileOrder) -> Result<Placed, NotPlaced>,
) -> Result {
    let style = ProgressStyle::with_template("{bar:40} {pos}/{len} orders  {per_sec}  {eta} left")?;
    let bar = ProgressBar::new(orders.len() as u64).with_style(style);
    if quiet {
        bar.set_draw_target(ProgressDrawTarget::hidden());
    }
    let place = &place;
    let mut placed = futures_util::stream::iter(orders)
        .map(|order| async move { (order, place(order).await) })
        .buffer_unordered(AT_ONCE);
    while let Some((order, outcome)) = placed.next().await {
        bar.inc(1);
        match outcome {
            Ok(placed) => report.placed(order, placed),
            Err(NotPlaced::Refused(why)) => {
                let refused = format!("refused: {}/{}: {why}", order.shop, order.shop_order_id);
                bar.suspend(|| tell(&refused));
                report.refused(order, why);
            }
            Err(NotPlaced::Ends(error)) => {
                bar.finish_and_clear();
                return Err(error);
            }
        }
    }
    bar.finish_and_clear();
    Ok(())
}
