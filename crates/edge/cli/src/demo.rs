//! `despatch demo`: real orders from placed to reviewed over private servers and stand-in providers, and the books
//! balanced at the end. Started again on the same directory it goes on where it was stopped or killed.

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use despatch_order_files::{FileOrder, superstore};
use despatch_sandbox::Faults;
use futures_util::StreamExt;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tokio::sync::watch;

use crate::args::DemoArgs;
use crate::audit::Progress;
use crate::checkout::Till;
use crate::config::Config;
use crate::home::Home;
use crate::site::{Plan, Site, brisk};
use crate::{Outcome, import, signals};

mod books;
pub mod customers;

use books::Books;

/// How many orders are being placed at once.
const AT_ONCE: usize = 128;

/// How many orders may be on their way to a label before the next is placed: a shop's rush, not a flood that measures
/// nothing but its own queue.
const AHEAD: usize = 1_000;

/// How long nothing may change, with nothing waiting for its next try, before the demo gives up on what is left.
const STUCK: Duration = Duration::from_secs(90);

/// Runs the demo; fails when the books do not balance.
pub(crate) async fn demo(mut config: Config, home: Home, args: &DemoArgs) -> Outcome<ExitCode> {
    let mut baskets = superstore::read(SAMPLE)?;
    baskets.truncate(args.orders.unwrap_or(usize::MAX));
    quicken(&mut config);
    let stop = signals::stop();
    tokio::pin!(stop);
    let plan = Plan {
        config,
        home,
        faults: args.faults.map_or_else(Faults::none, Faults::seeded),
        tracking: brisk(),
        progress: |line| eprintln!("{line}"),
    };
    let site = Site::start(plan).await?;
    let outcome = tokio::select! {
        outcome = carry(&site, &baskets, args.json) => outcome,
        asked = &mut stop => { asked?; Err("stopped; the same command goes on where this was".into()) }
    };
    // What is in flight stays in the data directory, whatever came of it.
    let stopped = site.stop().await;
    let books = outcome?;
    stopped?;
    if args.json {
        println!("{:#}", serde_json::to_value(&books)?);
    } else {
        println!("{books}");
    }
    Ok(if books.balanced { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Weeks become seconds, and what a killed process left behind is taken over in seconds.
fn quicken(config: &mut Config) {
    config.gateway.listen.set_port(0);
    config.reviews.ask_after_seconds = 0;
    config.reviews.reminders_seconds = vec![3, 10, 20];
    config.reviews.lapse_after_seconds = 10;
    config.runtime.ack_wait_seconds = 5;
    config.runtime.sweep_after_seconds = 5;
    config.runtime.clock_tick_ms = 100;
}

async fn carry(site: &Site, baskets: &[FileOrder], quiet: bool) -> Outcome<Books> {
    let receipt = format!("opening stock for {} orders", baskets.len());
    import::stock(&site.database, &receipt, baskets).await?;
    let started = Instant::now();
    let bar = bar(baskets.len(), quiet)?;
    let customers = tokio::spawn(customers::answer(
        site.sandbox.as_ref().map(despatch_sandbox::Sandbox::control_url).unwrap_or_default(),
        site.address.gateway_url.clone(),
    ));
    let till =
        Till::new(&site.address.gateway_url, &site.address.api_key, site.address.sandbox_stripe_url.clone())?;
    let (seen, progress) = watch::channel(Progress::default());
    let placed = AtomicUsize::new(0);
    let placing = place(&till, baskets, &placed, progress.clone());
    let watching = watch_progress(site, &bar, baskets.len(), &placed, seen);
    let orders = tokio::select! {
        outcome = async { tokio::try_join!(placing, watching) } => outcome?.0,
        ended = customers => return Err(match ended {
            Ok(Ok(())) => "the customers stopped answering".into(),
            Ok(Err(error)) => format!("the customers stopped answering: {error}").into(),
            Err(error) => error.into(),
        }),
    };
    bar.finish_and_clear();
    Books::of(site, baskets, &orders, started.elapsed()).await
}

/// Places every order; answers their ids, by place in `baskets`.
async fn place(
    till: &Till,
    baskets: &[FileOrder],
    placed: &AtomicUsize,
    progress: watch::Receiver<Progress>,
) -> Outcome<BTreeMap<usize, String>> {
    let mut ids = BTreeMap::new();
    let mut placing = futures_util::stream::iter(baskets.iter().enumerate())
        .map(|(place, basket)| {
            let mut progress = progress.clone();
            async move {
                // The sender outlives this: both are polled together.
                let _ = progress.wait_for(|so_far| place < so_far.past_labels() + AHEAD).await;
                (place, till.place(basket).await)
            }
        })
        .buffer_unordered(AT_ONCE);
    while let Some((place, outcome)) = placing.next().await {
        ids.insert(place, outcome?);
        placed.fetch_add(1, Ordering::Relaxed);
    }
    Ok(ids)
}

/// Looks at how far the orders are until every one has come to its end and nothing is left to do.
async fn watch_progress(
    site: &Site,
    bar: &ProgressBar,
    orders: usize,
    placed: &AtomicUsize,
    seen: watch::Sender<Progress>,
) -> Outcome {
    let mut moved = (Instant::now(), Progress::default());
    loop {
        let now = Progress::of(&site.database).await?;
        bar.set_position(now.ended() as u64);
        bar.set_message(now.to_string());
        let all_ended = placed.load(Ordering::Relaxed) == orders && now.ended() >= orders;
        if all_ended && books::is_quiet(site).await? {
            return Ok(());
        }
        if now != moved.1 {
            moved = (Instant::now(), now.clone());
        } else if moved.0.elapsed() > STUCK {
            if books::waiting(site).await? == 0 {
                // The books will show what is missing.
                return Ok(());
            }
            // An unlucky event waits minutes between its last tries; that is not stuck.
            moved.0 = Instant::now();
        }
        seen.send_replace(now);
        tokio::time::sleep(Duration::from_millis(if all_ended { 50 } else { 500 })).await;
    }
}

fn bar(orders: usize, quiet: bool) -> Outcome<ProgressBar> {
    let style = ProgressStyle::with_template("{elapsed:>4} {bar:30} {pos}/{len} ended  {msg}")?;
    let bar = ProgressBar::new(orders as u64).with_style(style);
    if quiet {
        bar.set_draw_target(ProgressDrawTarget::hidden());
    }
    Ok(bar)
}

/// The orders that the demo carries: `data/superstore.csv`.
pub const SAMPLE: &[u8] = include_bytes!("../../../../data/superstore.csv");
