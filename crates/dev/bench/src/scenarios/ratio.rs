//! Runs flow and baseline in turn on the same servers. Their ratio is stable even if neither figure is.

use std::process::ExitCode;

use crate::load::run_env::Servers;
use crate::load::volume::Volume;
use crate::measure::report::{self, Report};
use crate::measure::spread::Spread;
use crate::options::Options;
use crate::result::Result;
use crate::scenarios::baseline::{self, Tuning};
use crate::scenarios::flow;

/// The arguments of `bench guard`.
#[derive(Debug, Clone, Copy, clap::Args)]
pub(crate) struct Guard {
    #[command(flatten)]
    pub(crate) volume: Volume,
    #[command(flatten)]
    pub(crate) tuning: Tuning,
    /// Fail when flow is less than RATIO of the baseline
    #[arg(long, value_name = "RATIO", default_value_t = 0.0)]
    pub(crate) at_least: f64,
}

/// `bench guard`.
pub(crate) async fn command(options: &Options, guard: Guard) -> Result<ExitCode> {
    let Guard { volume, tuning, at_least } = guard;
    let mut report = Report::new("guard");
    let servers = Servers::start(options).await?;
    let tuned = baseline::tune(&servers, volume, tuning).await?;
    let (mut baselines, mut flows) = (Vec::new(), Vec::new());
    let (mut ratios, mut costs) = (Vec::new(), Vec::new());
    for number in 1..=options.runs {
        let baseline = baseline::once(&servers, volume, tuned).await?;
        let flow = flow::once(&servers, volume).await?;
        let (allowed, done) = (baseline.orders_per_second(), flow.orders_per_second());
        eprintln!(
            "guard {number}: baseline {allowed:.0}, flow {done:.0} orders/s, ratio {:.3}",
            done / allowed
        );
        ratios.push(done / allowed);
        costs.extend(baseline.cpu_ms().zip(flow.cpu_ms()).map(|(baseline, flow)| baseline / flow));
        baselines.push(baseline);
        flows.push(flow);
    }
    servers.stop().await?;
    let ratio = Spread::of(ratios);
    let mut part = Report::new("baseline");
    tuned.add_to(&mut part);
    report::runs(&mut part, &baselines);
    report.part("baseline", part);
    let mut part = Report::new("flow");
    report::runs(&mut part, &flows);
    report.part("flow", part);
    report.field("orders", volume.orders);
    report.field("runs", options.runs);
    report.field("at_least", at_least);
    report.spread("ratio", "flow / baseline", ratio);
    if !costs.is_empty() {
        // This depends less on the machine's other load.
        report.spread("cpu_ratio", "the same by CPU", Spread::of(costs));
    }
    report.print(options.json)?;
    if ratio.median < at_least {
        eprintln!("bench: flow is {:.3} of the baseline; at least {at_least} is required", ratio.median);
        return Ok(ExitCode::FAILURE);
    }
    Ok(ExitCode::SUCCESS)
}
