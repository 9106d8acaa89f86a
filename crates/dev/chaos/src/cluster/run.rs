//! A run over a cluster: start, fail, measure, quiesce, audit.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use despatch_scenario::{Discrepancy, receive_stock, sample};

use super::args::ClusterArgs;
use super::deployment::{Cluster, Disks};
use super::disks::enter_private_mounts;
use super::fault::Fault;
use super::inject::{Outcome, inject};
use super::report::Report;
use super::shop::Shop;
use super::stall;
use super::tend::settle;
use crate::dir::Dir;
use crate::quiesce::{Quiescence, Records, quiesce};
use crate::result::Result;
use crate::stream;

/// How long nothing may change before the run counts as stuck. Longer than the default ages at which a delivery and a
/// batch of a lost process are taken over.
const STUCK_AFTER: Duration = Duration::from_secs(150);

/// How long the processes may take to start.
const START_TIMEOUT: Duration = Duration::from_secs(180);

/// Orders of which there is stock. A run ends long before.
const ORDERS: usize = 30_000;

/// Runs as the command line says; fails if anything is violated.
pub(crate) fn run(args: &ClusterArgs) -> Result<ExitCode> {
    if args.list {
        for fault in Fault::all() {
            println!("{fault}");
        }
        return Ok(ExitCode::SUCCESS);
    }
    let wanted = if args.only.is_empty() { Fault::all() } else { args.only.clone() };
    let faults: Vec<Fault> = wanted.into_iter().filter(|fault| !args.except.contains(fault)).collect();
    if faults.iter().any(|fault| fault.fills_a_disk()) {
        enter_private_mounts()?;
    }
    // Cannot fail: no other provider was installed before.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let dir = Dir::create(args.data_dir.as_deref())?;
    println!("data in {}", dir.path.display());
    let violations = runtime.block_on(async {
        let disks = Disks::mount(&dir.path, &faults)?;
        let mut cluster = Cluster::start(&dir.path, disks, args.until_flowing).await?;
        let violations = tokio::select! {
            violations = run_faults(&mut cluster, &faults, args) => violations,
            asked = tokio::signal::ctrl_c() => { asked?; Err("stopped".into()) }
        };
        if !violations.as_ref().is_ok_and(Vec::is_empty) {
            cluster.keep_logs(&dir.path)?;
        }
        let stopped = cluster.end().await;
        violations.and_then(|violations| stopped.map(|()| violations))
    })?;
    dir.finish(&violations, args.keep)
}

async fn run_faults(cluster: &mut Cluster, faults: &[Fault], args: &ClusterArgs) -> Result<Vec<Discrepancy>> {
    let started = Instant::now();
    let told = |what: &str| println!("{:>7.1}s  {what}", started.elapsed().as_secs_f64());
    told("the servers run");
    cluster.start_processes()?;
    let database = cluster.databases.database()?;
    while !ready(cluster, &database).await? {
        if started.elapsed() > START_TIMEOUT {
            return Err(format!("no schema and no gateway within {START_TIMEOUT:?}").into());
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let orders = sample::repeated(ORDERS)?;
    receive_stock(&database, &orders).await?;
    let shop = Shop::open(cluster, orders, args.rate)?;
    settle(cluster).await?;
    told("labels are made");

    let mut report = Report::default();
    let mut skipped = Vec::new();
    for fault in faults {
        told(&fault.to_string());
        match inject(cluster, *fault, args).await.map_err(|error| format!("{fault}: {error}"))? {
            Outcome::Done(times) => {
                let stalls = stall::read(&cluster.databases.database()?, &times).await?;
                told(&report.add(*fault, times, stalls));
            }
            Outcome::Skipped(why) => {
                told(&format!("SKIPPED {fault}: {why}"));
                skipped.push((fault, why));
            }
        }
    }
    let wanted = shop.close();
    told(&format!("no more orders; customers wanted {wanted}"));

    let records = cluster.records().await?;
    let quiescence = quiesce(&records, wanted, &shop.accepted, STUCK_AFTER, async || cluster.tend()).await?;
    told("quiescent");
    println!("\n{report}");
    for (fault, why) in skipped {
        println!("SKIPPED {fault}: {why}");
    }
    let accepted = shop.end();
    let mut violations = std::mem::take(&mut cluster.violations);
    if let Quiescence::Stuck(left) = quiescence {
        let about = "never quiescent".to_owned();
        violations.extend(left.into_iter().map(|wrong| Discrepancy { about: about.clone(), wrong }));
    }
    if !args.until_flowing {
        violations.extend(report.too_long());
    }
    let Records { database, auditor, jetstream } = records;
    violations.extend(auditor.audit(&cluster.sandbox.counts_by_order()?, &shop.placed(&accepted)).await?);
    // Faults of servers must cost nobody any work.
    for (order, dead) in auditor.dead_orders().await? {
        let about = format!("order {order}");
        violations.extend(dead.into_iter().map(|dead| Discrepancy {
            about: about.clone(),
            wrong: format!("{} gave up: {}", dead.handler, dead.reason),
        }));
    }
    violations.extend(stream::compare(&jetstream, &database, true).await?);
    let panics = cluster.fleet.panics()?.into_iter();
    violations.extend(panics.map(|wrong| Discrepancy { about: "a panic".to_owned(), wrong }));
    Ok(violations)
}

/// Returns whether a gateway listens and the schema of stock exists.
async fn ready(cluster: &mut Cluster, database: &despatch_runtime::Database) -> Result<bool> {
    cluster.tend()?;
    if cluster.fleet.gateway_address(super::deployment::GATEWAYS[0]).is_none() {
        return Ok(false);
    }
    let known = "select to_regclass('inventory.receipt') is not null";
    Ok(database.client().await?.query_one(known, &[]).await?.get(0))
}
