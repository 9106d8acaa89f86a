//! A run: start, break, quiesce, audit.

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use despatch_order_files::FileOrder;
use despatch_sandbox::Faults;
use despatch_scenario::{Discrepancy, sample};

use crate::args::Args;
use crate::deployment::Deployment;
use crate::dir::Dir;
use crate::fault::{Fault, Kind};
use crate::inject::{ActiveFaults, Injected, inject};
use crate::outages::run_outages;
use crate::result::Result;
use crate::schedule::{self, Step};
use crate::shop::{People, Shop};
use crate::watch::Watch;

/// How long the target of a fault may be absent.
const TARGET_TIMEOUT: Duration = Duration::from_secs(120);

/// Interval at which the deployment is checked while nothing else happens.
const POLL_INTERVAL: Duration = Duration::from_millis(100);

/// Runs as the command line says; fails if anything is violated.
pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    println!("seed {}", args.seed);
    let steps = schedule::draw(args.seed, args.faults, &kinds(args)?);
    if args.plan {
        for step in &steps {
            println!("after {:?}: {}", step.pause, step.fault);
        }
        return Ok(ExitCode::SUCCESS);
    }
    let orders = sample::repeated(args.orders)?;
    // Cannot fail: no other provider was installed before.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let dir = Dir::create(args.data_dir.as_deref())?;
    println!("data in {}", dir.path.display());
    let violations = runtime.block_on(async {
        let is_good = args.good_providers || args.outages;
        let faults = if is_good { Faults::none() } else { Faults::seeded(args.seed) };
        let mut deployment = Deployment::start(&dir.path, faults).await?;
        let violations = tokio::select! {
            violations = async {
                if args.outages {
                    run_outages(&mut deployment, orders).await
                } else {
                    run_orders(&mut deployment, &steps, orders, people(args)).await
                }
            } => violations,
            asked = tokio::signal::ctrl_c() => { asked?; Err("stopped".into()) }
        };
        // The workers end first, because they would only complain about servers that end.
        drop(deployment.fleet);
        deployment.sandbox.stop().await;
        deployment.stack.stop().await?;
        violations
    })?;
    dir.finish(&violations, args.keep)
}

/// Returns the further people that the command line asks for.
fn people(args: &Args) -> People {
    People {
        editing_shop: args.editing_shop.then_some(args.seed),
        stock_keeper: args.stock_keeper.then_some(args.seed),
    }
}

/// Returns the selected kinds of fault.
fn kinds(args: &Args) -> Result<Vec<Kind>> {
    let wanted: Vec<Kind> = if args.only.is_empty() { Kind::all().collect() } else { args.only.clone() };
    let kinds: Vec<Kind> = wanted.into_iter().filter(|kind| !args.except.contains(kind)).collect();
    if kinds.is_empty() { Err("no kind of fault is left".into()) } else { Ok(kinds) }
}

/// Runs the orders through the faults, and returns the violations.
async fn run_orders(
    deployment: &mut Deployment,
    steps: &[Step],
    orders: Vec<FileOrder>,
    people: People,
) -> Result<Vec<Discrepancy>> {
    let mut shop = Shop::open(deployment, orders, people).await?;
    let started = Instant::now();
    let mut table = Table::default();
    let mut active = ActiveFaults::default();
    for (number, step) in (1..).zip(steps) {
        shop.place_up_to(shop.orders() * number / steps.len());
        pause(deployment, &mut shop.watch, &mut active, step.pause).await?;
        let outcome = injected(deployment, &mut shop.watch, &mut active, &step.fault)
            .await
            .map_err(|error| format!("{}: {error}", step.fault))?;
        let accepted = shop.accepted.count();
        match outcome {
            Injected::Done => println!(
                "{:>7.1}s {number:>4}  {accepted:>5} orders  {}",
                started.elapsed().as_secs_f64(),
                step.fault
            ),
            Injected::Skipped(why) | Injected::NotYet(why) => println!(
                "{:>7.1}s {number:>4}  skipped: {}: {why}",
                started.elapsed().as_secs_f64(),
                step.fault
            ),
        }
        table.note(step.kind, outcome);
    }
    active.heal_all(deployment).await?;
    deployment.sandbox.set_faults(Faults::none())?;
    shop.place_up_to(shop.orders());
    println!("{:>7.1}s       faults are over", started.elapsed().as_secs_f64());
    let whole = !steps.iter().any(|step| step.fault.loses_messages());
    let violations = shop.audit(deployment, whole).await?;
    println!("{:>7.1}s       quiescent\n", started.elapsed().as_secs_f64());
    println!("{table}");
    Ok(violations)
}

/// Injects a fault as soon as what it breaks is there: a stream may be deleted, and the fault before it may keep the workers
/// from creating it again.
async fn injected(
    deployment: &mut Deployment,
    watch: &mut Watch,
    active: &mut ActiveFaults,
    fault: &Fault,
) -> Result<Injected> {
    let end = Instant::now() + TARGET_TIMEOUT;
    loop {
        match inject(deployment, active, fault).await? {
            Injected::NotYet(why) if Instant::now() >= end => {
                return Err(format!("{why}, and there was none for {TARGET_TIMEOUT:?}").into());
            }
            Injected::NotYet(_) => pause(deployment, watch, active, POLL_INTERVAL).await?,
            outcome => return Ok(outcome),
        }
    }
}

/// Leaves the deployment alone for a while, except for faults whose time is over.
async fn pause(
    deployment: &mut Deployment,
    watch: &mut Watch,
    active: &mut ActiveFaults,
    duration: Duration,
) -> Result {
    let end = Instant::now() + duration;
    loop {
        active.heal_due(deployment).await?;
        watch.check(deployment)?;
        let now = Instant::now();
        if now >= end {
            return Ok(());
        }
        let next = active.next().map_or(end, |next| next.min(end)).min(now + POLL_INTERVAL);
        tokio::time::sleep_until(next.into()).await;
    }
}

/// Counts each kind of fault.
#[derive(Default)]
struct Table(BTreeMap<Kind, (usize, usize, &'static str)>);

impl Table {
    fn note(&mut self, kind: Kind, outcome: Injected) {
        let (done, skipped, why) = self.0.entry(kind).or_default();
        match outcome {
            Injected::Done => *done += 1,
            Injected::Skipped(reason) | Injected::NotYet(reason) => {
                *skipped += 1;
                *why = reason;
            }
        }
    }
}

impl std::fmt::Display for Table {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "{:<22} {:>8} {:>8}", "fault", "survived", "skipped")?;
        for (kind, (done, skipped, why)) in &self.0 {
            writeln!(f, "{:<22} {done:>8} {skipped:>8}  {why}", kind.name())?;
        }
        Ok(())
    }
}
