//! The flow: the five steps on the real runtime, at saturation.

use std::process::ExitCode;

use despatch_contracts::Trace;
use despatch_runtime::Process;

use crate::load::audit::audit;
use crate::load::run_env::Servers;
use crate::load::saturate::saturate;
use crate::load::steps;
use crate::load::volume::Volume;
use crate::measure::report::{self, Report};
use crate::measure::run::Run;
use crate::options::Options;
use crate::result::Result;

/// `bench flow`.
pub(crate) async fn command(options: &Options, volume: Volume) -> Result<ExitCode> {
    let mut report = Report::new("flow");
    let servers = Servers::start(options).await?;
    let mut runs = Vec::new();
    for number in 1..=options.runs {
        let run = once(&servers, volume).await?;
        eprintln!("flow {number}: {:.0} orders/s", run.orders_per_second());
        runs.push(run);
    }
    servers.stop().await?;
    report.field("orders", volume.orders);
    report.field("runs", options.runs);
    report::runs(&mut report, &runs);
    report.print(options.json)?;
    Ok(ExitCode::SUCCESS)
}

/// Runs once in a new environment.
pub(crate) async fn once(servers: &Servers, volume: Volume) -> Result<Run> {
    let env = servers.run_env().await?;
    let process = Process::start(env.settings.clone(), steps::workers(false)).await?;
    process.health().until_ready().await;
    let run = saturate(servers, &env, volume, Vec::new(), Trace::root).await?;
    process.drain().await;
    audit(&env, volume.warm_up + volume.orders).await?;
    env.clear().await?;
    Ok(run)
}
