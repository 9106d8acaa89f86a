//! Flow and floor in turn on the same servers: their ratio holds where neither's own figure does.

use std::process::ExitCode;

use crate::Outcome;
use crate::args::{Args, Tuning, Volume};
use crate::report::{self, Report, Spread};
use crate::site::Site;
use crate::{floor, flow};

/// `bench guard`.
pub(crate) async fn command(args: &Args, volume: Volume, tuning: Tuning, at_least: f64) -> Outcome<ExitCode> {
    let mut report = Report::new("guard");
    let site = Site::start(args).await?;
    let tuned = floor::tune(&site, volume, tuning).await?;
    let (mut floors, mut flows) = (Vec::new(), Vec::new());
    let (mut ratios, mut costs) = (Vec::new(), Vec::new());
    for number in 1..=args.runs {
        let floor = floor::once(&site, volume, tuned).await?;
        let flow = flow::once(&site, volume).await?;
        let (allowed, done) = (floor.orders_per_second(), flow.orders_per_second());
        eprintln!("guard {number}: floor {allowed:.0}, flow {done:.0} orders/s, ratio {:.3}", done / allowed);
        ratios.push(done / allowed);
        costs.extend(floor.cpu_ms().zip(flow.cpu_ms()).map(|(floor, flow)| floor / flow));
        floors.push(floor);
        flows.push(flow);
    }
    site.stop().await?;
    let ratio = Spread::of(ratios);
    let mut part = Report::new("floor");
    tuned.tell(&mut part);
    report::runs(&mut part, &floors);
    report.part("floor", part);
    let mut part = Report::new("flow");
    report::runs(&mut part, &flows);
    report.part("flow", part);
    report.field("orders", volume.orders);
    report.field("runs", args.runs);
    report.field("at_least", at_least);
    report.spread("ratio", "flow / floor", ratio);
    if !costs.is_empty() {
        // Less of this depends on what else the machine does.
        report.spread("cpu_ratio", "the same by CPU", Spread::of(costs));
    }
    report.print(args.json)?;
    if ratio.median < at_least {
        eprintln!("bench: flow is {:.3} of the floor; at least {at_least} is asked for", ratio.median);
        return Ok(ExitCode::FAILURE);
    }
    Ok(ExitCode::SUCCESS)
}
