//! `despatch demo`: real orders from placed to reviewed over private servers and stand-in providers, and an audit at the
//! end. Started again on the same directory it goes on where it was stopped or killed.

mod progress;
mod report;
mod watch;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use despatch_order_files::{FileOrder, GatewayClient};
use despatch_sandbox::Sandbox;
use despatch_scenario::{Auditor, CheckoutClient, Minds, Progress, answer_mails, receive_stock, sample};
use despatch_telemetry::Telemetry;
use futures_util::StreamExt;
use tokio::sync::watch::{Receiver, channel};

use crate::args::DemoArgs;
use crate::config::Config;
use crate::local::{DataDir, LaunchOptions, LocalDeployment};
use crate::output::print;
use crate::registry::Registry;
use crate::result::Result;
use crate::signals;

use progress::ProgressDisplay;
use report::DemoReport;
use watch::{patiently, until_quiet};

/// How many orders are being placed at once.
const AT_ONCE: usize = 128;

/// How many orders may be on their way to a label before the next is placed: a shop's rush, not a flood that measures
/// nothing but its own queue.
const AHEAD: usize = 1_000;

/// Runs the demo; fails when the audit does.
pub(crate) async fn demo(
    registry: &Registry,
    mut config: Config,
    data_dir: DataDir,
    args: &DemoArgs,
    quiet: bool,
) -> Result<ExitCode> {
    let mut orders = sample::orders()?;
    orders.truncate(args.orders.unwrap_or(usize::MAX));
    use_demo_timings(&mut config);
    let stop = signals::stop();
    tokio::pin!(stop);
    let lock = data_dir.lock().await?;
    let telemetry = Telemetry::start("despatch")?;
    let options = LaunchOptions {
        config,
        data_dir: data_dir.clone(),
        lock,
        command: "demo",
        faults: args.faults,
        new_secrets: false,
    };
    let deployment = LocalDeployment::start(registry, options).await?;
    let outcome = tokio::select! {
        outcome = carry(registry, &deployment, &orders, quiet || args.json) => outcome,
        asked = &mut stop => { asked?; Err("stopped; the same command goes on where this was".into()) }
    };
    // Work in flight stays in the data directory, whatever the outcome.
    let stopped = deployment.stop().await;
    telemetry.stop();
    let report = outcome?;
    stopped?;
    if args.json {
        print(&format!("{:#}\n", serde_json::to_value(&report)?))?;
    } else {
        print(&format!("{report}\n"))?;
        print(&next(&data_dir, &orders))?;
    }
    Ok(if report.audit_passed { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Weeks become seconds, and what a killed process left behind is taken over in seconds.
fn use_demo_timings(config: &mut Config) {
    config.gateway.listen.set_port(0);
    config.reviews.ask_after_seconds = 0;
    config.reviews.reminders_seconds = vec![3, 10, 20];
    config.reviews.lapse_after_seconds = 10;
    config.runtime.ack_wait_seconds = 5;
    config.runtime.sweep_after_seconds = 5;
    config.runtime.clock_tick_ms = 100;
}

/// Carries the orders to their ends and audits them.
async fn carry(
    registry: &Registry,
    deployment: &LocalDeployment,
    orders: &[FileOrder],
    quiet: bool,
) -> Result<DemoReport> {
    let LocalDeployment { address, sandbox, database, .. } = deployment;
    patiently(async || receive_stock(database, orders).await).await?;
    let started = Instant::now();
    let display = ProgressDisplay::new(orders.len(), quiet)?;
    let customers = tokio::spawn(answer_mails(
        sandbox.as_ref().map(Sandbox::control_url).unwrap_or_default(),
        address.gateway_url.clone(),
        address.api_key.clone(),
        Minds::Made,
    ));
    let gateway = GatewayClient::new(&address.gateway_url, &address.api_key)?;
    let checkout = CheckoutClient::new(gateway, address.sandbox_stripe_url.clone())?.mixing_tenders();
    let auditor = Auditor::new(database.clone(), registry.names()).mixing_tenders();
    let (seen, progress) = channel(Progress::default());
    let placed = AtomicUsize::new(0);
    let placing = place(&checkout, orders, &placed, progress);
    let watching = until_quiet(&auditor, &deployment.process, orders.len(), &placed, &display, seen);
    let ids = tokio::select! {
        outcome = async { tokio::try_join!(placing, watching) } => outcome?.0,
        ended = customers => return Err(match ended {
            Ok(Ok(())) => "the customers stopped answering".into(),
            Ok(Err(error)) => format!("the customers stopped answering: {error}").into(),
            Err(error) => error.into(),
        }),
    };
    display.end();
    let took = started.elapsed();
    DemoReport::of(&auditor, sandbox.as_ref(), orders, &ids, took).await
}

/// Places every order; answers their ids, by place in `orders`.
async fn place(
    checkout: &CheckoutClient,
    orders: &[FileOrder],
    placed: &AtomicUsize,
    progress: Receiver<Progress>,
) -> Result<BTreeMap<usize, String>> {
    let mut ids = BTreeMap::new();
    let mut placing = futures_util::stream::iter(orders.iter().enumerate())
        .map(|(place, order)| {
            let mut progress = progress.clone();
            async move {
                // The sender outlives this: both are polled together.
                let _ = progress.wait_for(|so_far| place < so_far.past_labels() + AHEAD).await;
                (place, checkout.place(order).await)
            }
        })
        .buffer_unordered(AT_ONCE);
    while let Some((place, outcome)) = placing.next().await {
        ids.insert(place, outcome?.order_id);
        placed.fetch_add(1, Ordering::Relaxed);
    }
    Ok(ids)
}

/// The next commands for a demo's directory.
fn next(data_dir: &DataDir, orders: &[FileOrder]) -> String {
    let option = data_dir.option();
    let mut text = format!("\nLook at these orders:\n  despatch up{option}\n");
    if let Some(FileOrder { shop, shop_order_id, .. }) = orders.first() {
        // Writing to a string cannot fail.
        let _ =
            writeln!(text, "  despatch orders show {shop}/{shop_order_id}{option}    in another terminal");
    }
    text
}
