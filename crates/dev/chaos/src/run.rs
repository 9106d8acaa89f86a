//! A run: start, break, quiesce, audit.

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use despatch_order_files::{FileOrder, GatewayClient};
use despatch_sandbox::Faults;
use despatch_scenario::{CheckoutClient, Discrepancy, PlacedOrder, answer_reviews, receive_stock, sample};
use tokio::sync::watch;

use crate::args::Args;
use crate::deployment::{API_KEY, Deployment};
use crate::dir::Dir;
use crate::fault::Kind;
use crate::inject::{ActiveFaults, Injected, inject};
use crate::orders::{self, AcceptedOrders};
use crate::quiesce::{Quiescence, Records, quiesce};
use crate::result::Result;
use crate::schedule::{self, Step};
use crate::stream;
use crate::watch::Watch;

/// How long servers and workers may take to start, and orders to be accepted without faults.
const START_TIMEOUT: Duration = Duration::from_secs(120);

/// How long nothing may change before the run counts as stuck. It is longer than the longest wait that cannot be cut
/// short: until a lost connection is noticed, a lost ack given up, an outbox batch swept.
const STUCK_AFTER: Duration = Duration::from_secs(60);

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
        let faults = if args.good_providers { Faults::none() } else { Faults::seeded(args.seed) };
        let mut deployment = Deployment::start(&dir.path, faults).await?;
        let violations = tokio::select! {
            violations = run_orders(&mut deployment, &steps, orders) => violations,
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
) -> Result<Vec<Discrepancy>> {
    let mut watch = Watch::default();
    until("the gateway listens", async || {
        watch.check(deployment)?;
        Ok(deployment.follow_gateway())
    })
    .await?;
    let database = deployment.database()?;
    until("inventory has its schema", async || {
        let row = database
            .client()
            .await?
            .query_one("select to_regclass('inventory.receipt') is not null", &[])
            .await;
        Ok(row?.get(0))
    })
    .await?;
    receive_stock(&database, &orders).await?;
    drop(database);

    let orders = Arc::new(orders);
    let accepted = AcceptedOrders::default();
    let (open, opened) = watch::channel(0);
    let gateway = GatewayClient::new(&deployment.gateway_url(), API_KEY)?;
    let checkout = CheckoutClient::new(gateway, Some(deployment.sandbox.stripe_url()))?;
    let placing = tokio::spawn(orders::place(checkout, orders.clone(), opened, accepted.clone()));
    let customers = tokio::spawn(answer_reviews(deployment.sandbox.control_url(), deployment.gateway_url()));

    let started = Instant::now();
    let mut table = Table::default();
    let mut active = ActiveFaults::default();
    for (number, step) in (1..).zip(steps) {
        open.send_replace(orders.len() * number / steps.len());
        pause(deployment, &mut watch, &mut active, step.pause).await?;
        let outcome = inject(deployment, &mut active, &step.fault)
            .await
            .map_err(|error| format!("{}: {error}", step.fault))?;
        let accepted = accepted.count();
        match outcome {
            Injected::Done => println!(
                "{:>7.1}s {number:>4}  {accepted:>5} orders  {}",
                started.elapsed().as_secs_f64(),
                step.fault
            ),
            Injected::Skipped(why) => println!(
                "{:>7.1}s {number:>4}  skipped: {}: {why}",
                started.elapsed().as_secs_f64(),
                step.fault
            ),
        }
        table.note(step.kind, outcome);
    }
    active.heal_all(deployment).await?;
    deployment.sandbox.set_faults(Faults::none())?;
    open.send_replace(orders.len());
    println!("{:>7.1}s       faults are over", started.elapsed().as_secs_f64());

    let records = Records {
        database: deployment.database()?,
        auditor: deployment.auditor()?,
        jetstream: deployment.jetstream().await?,
    };
    let quiescence =
        quiesce(&records, orders.len(), &accepted, STUCK_AFTER, async || watch.check(deployment)).await?;
    customers.abort();
    if placing.is_finished() {
        placing.await??;
    } else {
        placing.abort();
    }
    println!("{:>7.1}s       quiescent\n", started.elapsed().as_secs_f64());
    println!("{table}");
    let whole = !steps.iter().any(|step| step.fault.loses_messages());
    let mut violations = watch.violations;
    if let Quiescence::Stuck(left) = quiescence {
        violations
            .extend(left.into_iter().map(|wrong| Discrepancy { about: "never quiescent".to_owned(), wrong }));
    }
    let accepted = accepted.all();
    let placed: Vec<PlacedOrder<'_>> =
        accepted.iter().map(|(place, order_id)| PlacedOrder { order_id, order: &orders[*place] }).collect();
    let Records { database, auditor, jetstream } = records;
    violations.extend(auditor.audit(&deployment.sandbox.counts_by_order()?, &placed).await?);
    match stream::compare(&jetstream, &database, whole).await {
        Ok(differences) => violations.extend(differences),
        // The findings of the orders' audit are still reported.
        Err(error) => {
            violations.push(Discrepancy { about: "the stream".to_owned(), wrong: error.to_string() });
        }
    }
    violations.extend(
        deployment
            .fleet
            .panics()?
            .into_iter()
            .map(|wrong| Discrepancy { about: "a panic".to_owned(), wrong }),
    );
    Ok(violations)
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

async fn until(what: &str, mut holds: impl AsyncFnMut() -> Result<bool>) -> Result {
    let started = Instant::now();
    while !holds().await? {
        if started.elapsed() > START_TIMEOUT {
            return Err(format!("not within {START_TIMEOUT:?}: {what}").into());
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Ok(())
}

/// Counts each kind of fault.
#[derive(Default)]
struct Table(BTreeMap<Kind, (usize, usize, &'static str)>);

impl Table {
    fn note(&mut self, kind: Kind, outcome: Injected) {
        let (done, skipped, why) = self.0.entry(kind).or_default();
        match outcome {
            Injected::Done => *done += 1,
            Injected::Skipped(reason) => {
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
