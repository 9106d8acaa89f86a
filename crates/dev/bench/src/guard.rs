//! Flow and floor in turn on the same servers: their ratio holds where neither's own figure does.

use std::process::ExitCode;

use crate::Outcome;
use crate::args::{Args, Size, Tuning};
use crate::report::{self, Report, Spread};
use crate::site::Site;
use crate::{floor, flow};

/// `bench guard`.
pub(crate) async fn command(args: &Args, size: Size, tuning: Tuning, at_least: f64) -> Outcome<ExitCode> {
    let mut report = Report::new("guard");
    let site = Site::start(args).await?;
    let tuned = floor::tune(&site, size, tuning).await?;
    let (mut floors, mut flows, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    for number in 1..=args.runs {
        let floor = floor::once(&site, size, tuned).await?;
        let flow = flow::once(&site, size).await?;
        let (allowed, done) = (floor.orders_per_second(), flow.orders_per_second());
        eprintln!("guard {number}: floor {allowed:.0}, flow {done:.0} orders/s, ratio {:.3}", done / allowed);
        ratios.push(done / allowed);
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
    report.field("orders", size.orders);
    report.field("runs", args.runs);
    report.field("at_least", at_least);
    report.spread("ratio", "flow / floor", ratio);
    report.print(args.json)?;
    if ratio.median < at_least {
        eprintln!("bench: flow is {:.3} of the floor; at least {at_least} is asked for", ratio.median);
        return Ok(ExitCode::FAILURE);
    }
    Ok(ExitCode::SUCCESS)
}
