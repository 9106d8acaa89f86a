//! The cost of telemetry: the flow whose processes count everything and send a collector the metrics and the traces of
//! 1 % of the orders, against the flow whose processes do neither, in turn.

use std::cell::Cell;
use std::convert::Infallible;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use despatch_contracts::Trace;
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

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

/// One order in this many is traced.
const ONE_IN: u64 = 100;

/// `bench telemetry`.
pub(crate) async fn command(options: &Options, volume: Volume) -> Result<ExitCode> {
    let mut report = Report::new("telemetry");
    let collector = Collector::start().await?;
    let servers = Servers::start(options).await?;
    let (mut off, mut on) = (Vec::new(), Vec::new());
    for number in 1..=options.runs {
        off.push(once(&servers, volume, None).await?);
        on.push(once(&servers, volume, Some(&collector.url)).await?);
        let [off, on] = [&off, &on].map(|runs| runs.last().map_or(0.0, Run::orders_per_second));
        eprintln!("telemetry {number}: off {off:.0}, on {on:.0} orders/s, ratio {:.3}", on / off);
    }
    servers.stop().await?;
    let bytes = collector.bytes.load(Ordering::Relaxed);
    if bytes == 0 {
        return Err("nothing was sent to the collector".into());
    }
    report.field("orders", volume.orders);
    report.field("runs", options.runs);
    report.field("traced_one_in", ONE_IN);
    report.field("collector_bytes", bytes);
    for (name, runs) in [("off", &off), ("on", &on)] {
        let mut part = Report::new("flow");
        report::runs(&mut part, runs);
        report.part(name, part);
    }
    let pairs = || on.iter().zip(&off);
    let ratios = pairs().map(|(on, off)| on.orders_per_second() / off.orders_per_second());
    report.spread("ratio", "on / off", Spread::of(ratios));
    let costs: Vec<f64> = pairs().filter_map(|(on, off)| Some(off.cpu_ms()? / on.cpu_ms()?)).collect();
    if !costs.is_empty() {
        report.spread("cpu_ratio", "the same by CPU", Spread::of(costs));
    }
    report.print(options.json)?;
    Ok(ExitCode::SUCCESS)
}

async fn once(servers: &Servers, volume: Volume, collector: Option<&str>) -> Result<Run> {
    let env = servers.run_env().await?;
    let roles: Vec<Role> = (0..SCHEMAS.len()).map(Role::Step).collect();
    let children = Children::start(&env, &roles, collector).await?;
    let (placed, sampled) = (Cell::new(0), collector.is_some());
    let trace = || {
        placed.set(placed.get() + 1);
        let root = Trace::root();
        let flags = root.flags.with_sampled(sampled && placed.get() % ONE_IN == 0);
        Trace { flags, ..root }
    };
    let run = saturate(servers, &env, volume, children.pids(), trace).await?;
    children.stop().await?;
    audit(&env, volume.warm_up + volume.orders).await?;
    env.clear().await?;
    Ok(run)
}

/// Accepts everything that it is sent over OTLP's HTTP, and counts its bytes. It runs on the same cores, like a
/// collector on a node.
struct Collector {
    url: String,
    bytes: Arc<AtomicU64>,
}

impl Collector {
    async fn start() -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}", listener.local_addr()?);
        let bytes = Arc::new(AtomicU64::new(0));
        let counted = bytes.clone();
        tokio::spawn(async move {
            while let Ok((connection, _)) = listener.accept().await {
                let counted = counted.clone();
                let service = service_fn(move |request| take(request, counted.clone()));
                tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(connection), service));
            }
        });
        Ok(Collector { url, bytes })
    }
}

async fn take(
    request: Request<Incoming>,
    bytes: Arc<AtomicU64>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    if let Ok(body) = request.into_body().collect().await {
        bytes.fetch_add(body.to_bytes().len() as u64, Ordering::Relaxed);
    }
    Ok(Response::default())
}
