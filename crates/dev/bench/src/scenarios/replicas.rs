//! Replicas: the flow with 1, 2 and 4 processes of each worker on the same cores. The loss is the cost of their
//! coordination.

use std::process::ExitCode;

use despatch_contracts::Trace;

use crate::load::audit::audit;
use crate::load::run_env::Servers;
use crate::load::saturate::saturate;
use crate::load::steps::SCHEMAS;
use crate::load::volume::Volume;
use crate::load::worker_process::{Children, Role};
use crate::measure::report::{self, Report};
use crate::measure::run::Run;
use crate::measure::spread::Spread;
use crate::options::Options;
use crate::result::Result;

const REPLICAS: [usize; 3] = [1, 2, 4];

/// `bench replicas`.
pub(crate) async fn command(options: &Options, volume: Volume) -> Result<ExitCode> {
    let mut report = Report::new("replicas");
    let servers = Servers::start(options).await?;
    let mut runs: [Vec<Run>; 3] = Default::default();
    for number in 1..=options.runs {
        for (replicas, runs) in REPLICAS.into_iter().zip(&mut runs) {
            let run = once(&servers, volume, replicas).await?;
            eprintln!("replicas {number}: {replicas} of each, {:.0} orders/s", run.orders_per_second());
            runs.push(run);
        }
    }
    servers.stop().await?;
    report.field("orders", volume.orders);
    report.field("runs", options.runs);
    for (replicas, of) in REPLICAS.into_iter().zip(&runs) {
        let mut part = Report::new("flow");
        report::runs(&mut part, of);
        // The runs of one round were made in direct succession.
        let ratios =
            of.iter().zip(&runs[0]).map(|(run, one)| run.orders_per_second() / one.orders_per_second());
        part.spread("ratio", "ratio to 1", Spread::of(ratios));
        report.part(&replicas.to_string(), part);
    }
    report.print(options.json)?;
    Ok(ExitCode::SUCCESS)
}

async fn once(servers: &Servers, volume: Volume, replicas: usize) -> Result<Run> {
    let env = servers.run_env().await?;
    let roles: Vec<Role> = (0..SCHEMAS.len() * replicas).map(|n| Role::Step(n % SCHEMAS.len())).collect();
    let children = Children::start(&env, &roles, None).await?;
    let run = saturate(servers, &env, volume, children.pids(), Trace::root).await?;
    children.stop().await?;
    audit(&env, volume.warm_up + volume.orders).await?;
    env.clear().await?;
    Ok(run)
}
