//! Replicas: the flow with 1, 2 and 4 processes of each worker on the same cores. What is lost is what it costs that they
//! keep out of each other's way.

use std::process::ExitCode;

use despatch_contracts::Trace;

use crate::args::{Args, Volume};
use crate::child::{Children, Role};
use crate::report::{self, Report, Run, Spread};
use crate::site::Site;
use crate::steps::SCHEMAS;
use crate::{Outcome, flow};

const REPLICAS: [usize; 3] = [1, 2, 4];

/// `bench replicas`.
pub(crate) async fn command(args: &Args, volume: Volume) -> Outcome<ExitCode> {
    let mut report = Report::new("replicas");
    let site = Site::start(args).await?;
    let mut runs: [Vec<Run>; 3] = Default::default();
    for number in 1..=args.runs {
        for (replicas, runs) in REPLICAS.into_iter().zip(&mut runs) {
            let run = once(&site, volume, replicas).await?;
            eprintln!("replicas {number}: {replicas} of each, {:.0} orders/s", run.orders_per_second());
            runs.push(run);
        }
    }
    site.stop().await?;
    report.field("orders", volume.orders);
    report.field("runs", args.runs);
    for (replicas, of) in REPLICAS.into_iter().zip(&runs) {
        let mut part = Report::new("flow");
        report::runs(&mut part, of);
        // Runs of one round were made one after the other.
        let ratios =
            of.iter().zip(&runs[0]).map(|(run, one)| run.orders_per_second() / one.orders_per_second());
        part.spread("ratio", "ratio to 1", Spread::of(ratios));
        report.part(&replicas.to_string(), part);
    }
    report.print(args.json)?;
    Ok(ExitCode::SUCCESS)
}

async fn once(site: &Site, volume: Volume, replicas: usize) -> Outcome<Run> {
    let plot = site.plot().await?;
    let roles: Vec<Role> = (0..SCHEMAS.len() * replicas).map(|n| Role::Step(n % SCHEMAS.len())).collect();
    let children = Children::start(&plot, &roles, None).await?;
    let run = flow::saturate(site, &plot, volume, children.pids(), Trace::root).await?;
    children.stop().await?;
    flow::audit(&plot, volume.warm_up + volume.orders).await?;
    plot.clear().await?;
    Ok(run)
}
