//! Latency: orders at a fixed rate, and the time until each step has passed them on.
//!
//! An order's time begins when it should have been placed, whether or not the load generator was late. Otherwise a
//! pause of the system would hide the orders that it delayed (coordinated omission). A step is done with an order when
//! its record is committed and its event, which follows from that, is on the wire. The last step publishes one for this
//! purpose.

use std::collections::HashMap;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use async_nats::{Message, Subscriber};
use despatch_contracts::Subject;
use despatch_contracts::Trace;
use despatch_runtime::Process;
use futures_util::StreamExt;
use hdrhistogram::Histogram;
use serde_json::json;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::bounds::above_zero;
use crate::load::placing::Placing;
use crate::load::run_env::{RunEnv, Servers};
use crate::load::steps::{self, Parcel, TYPES};
use crate::measure::report::{self, Report, milliseconds};
use crate::measure::run;
use crate::measure::spread::Spread;
use crate::measure::usage::Meter;
use crate::options::Options;
use crate::result::{Error, Result};

/// Orders at a fixed rate.
#[derive(Debug, Clone, Copy, clap::Args)]
pub(crate) struct Rate {
    /// Orders a second.
    #[arg(long, default_value_t = 20.0, value_name = "N", value_parser = above_zero)]
    pub(crate) rate: f64,
    /// For how long.
    #[arg(long, default_value_t = 30.0, value_name = "N", value_parser = above_zero)]
    pub(crate) seconds: f64,
}

/// Orders of the first seconds are not counted.
const WARM_UP: Duration = Duration::from_secs(3);

/// Longest time after the last order until all are done.
const COMPLETION_TIMEOUT: Duration = Duration::from_secs(30);

/// The longest time that is measured, in microseconds.
const LONGEST: u64 = 60_000_000;

const QUANTILES: [(&str, f64); 3] = [("p50_ms", 0.5), ("p99_ms", 0.99), ("p999_ms", 0.999)];

/// `bench latency`.
pub(crate) async fn command(options: &Options, rate: Rate) -> Result<ExitCode> {
    let mut report = Report::new("latency");
    let servers = Servers::start(options).await?;
    let mut runs = Vec::new();
    for number in 1..=options.runs {
        let run = once(&servers, rate).await?;
        let last = &run.steps[run.steps.len() - 1];
        eprintln!(
            "latency {number}: p50 {:.2} ms, p99 {:.2} ms",
            milliseconds(last, 0.5),
            milliseconds(last, 0.99)
        );
        runs.push(run);
    }
    servers.stop().await?;
    report.field("rate", rate.rate);
    report.field("seconds", rate.seconds);
    report.field("runs", options.runs);
    let mut steps = serde_json::Map::new();
    for (step, name) in TYPES.iter().skip(1).enumerate() {
        let spreads = QUANTILES
            .map(|(key, q)| (key, Spread::of(runs.iter().map(|run| milliseconds(&run.steps[step], q)))));
        let [p50, p99, p999] = spreads.map(|(_, spread)| spread);
        report.line(name, format!("p50 {p50}, p99 {p99}, p99.9 {p999} ms"));
        steps.insert(
            (*name).to_owned(),
            spreads.into_iter().map(|(key, spread)| (key, json!(spread))).collect(),
        );
        // The order is done with its last step, which comes last here too.
        for (key, spread) in spreads {
            report.field(key, spread.median);
        }
    }
    report.field("steps", steps);
    let costs: Vec<run::Run> = runs.into_iter().map(|run| run.cost).collect();
    report::costs(&mut report, &costs);
    report.print(options.json)?;
    Ok(ExitCode::SUCCESS)
}

/// Microseconds from when an order should have been placed until each step was done with it.
struct Run {
    steps: Vec<Histogram<u64>>,
    cost: run::Run,
}

async fn once(servers: &Servers, rate: Rate) -> Result<Run> {
    let env = servers.run_env().await?;
    let process = Process::start(env.settings.clone(), steps::workers(true)).await?;
    process.health().until_ready().await;
    let run = measure(servers, &env, rate).await?;
    process.drain().await;
    env.clear().await?;
    Ok(run)
}

async fn measure(servers: &Servers, env: &RunEnv, rate: Rate) -> Result<Run> {
    let events = env.nats.subscribe(format!("{}.evt.bench.>", env.settings.namespace)).await?;
    env.nats.flush().await?;
    let interval = Duration::from_secs_f64(1.0 / rate.rate);
    let (warm_up, counted) = (in_time(WARM_UP.as_secs_f64(), rate), in_time(rate.seconds, rate));
    let begin = Instant::now() + Duration::from_millis(100);
    let times: Vec<Instant> =
        (0..u32::try_from(warm_up + counted)?).map(|number| begin + interval * number).collect();
    let whole = begin + interval * u32::try_from(times.len())? + COMPLETION_TIMEOUT;
    let (placed, due) = mpsc::unbounded_channel();
    let place = async {
        let mut acks = JoinSet::new();
        let mut meter = None;
        let mut ticks = ticks(times);
        for number in 0.. {
            let Some(at) = ticks.recv().await else { break };
            if number == warm_up {
                meter = Some(Meter::start(servers.pids(), Vec::new())?);
            }
            let parcel = Parcel::new(Uuid::now_v7());
            let Placing { subject, headers, payload } =
                Placing::new(&env.settings.namespace, parcel.event(0), &Trace::root());
            // The listener ends only when all is done, or when it has failed itself.
            let _ = placed.send((parcel.order_id, at, number >= warm_up));
            // Acks are awaited at once, because the client limits how many are pending.
            acks.spawn(env.jetstream.publish_with_headers(subject, headers, payload).await?.into_future());
        }
        let usage = meter.map(Meter::stop).transpose()?.unwrap_or_default();
        while let Some(stored) = acks.join_next().await {
            stored??;
        }
        Ok::<_, Error>(usage)
    };
    let listening = tokio::time::timeout_at(whole.into(), listen(events, due, warm_up + counted));
    let (usage, steps) = tokio::try_join!(place, async { listening.await? })?;
    let cost = run::Run { orders: counted, seconds: rate.seconds, usage };
    Ok(Run { steps, cost })
}

/// Sends each of the times when it has come, from a thread of its own. The runtime's timers are up to a millisecond
/// late, a sixth of the measured time.
fn ticks(times: Vec<Instant>) -> mpsc::UnboundedReceiver<Instant> {
    let (tick, ticks) = mpsc::unbounded_channel();
    std::thread::spawn(move || {
        for at in times {
            std::thread::sleep(at.saturating_duration_since(Instant::now()));
            if tick.send(at).is_err() {
                return;
            }
        }
    });
    ticks
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "both are above zero, and few")]
fn in_time(seconds: f64, rate: Rate) -> usize {
    (seconds * rate.rate).ceil() as usize
}

/// An order, the time when it should have been placed, and whether it counts.
type Due = (String, Instant, bool);

/// Receives every event until all orders are done.
async fn listen(
    mut events: Subscriber,
    mut due: mpsc::UnboundedReceiver<Due>,
    orders: usize,
) -> Result<Vec<Histogram<u64>>> {
    let mut steps = vec![Histogram::new_with_max(LONGEST, 3)?; TYPES.len() - 1];
    let mut in_flight = HashMap::new();
    let mut done = 0;
    while done < orders {
        let message = events.next().await.ok_or("the connection was closed")?;
        let now = Instant::now();
        while let Ok((order_id, at, counts)) = due.try_recv() {
            in_flight.insert(order_id, (at, counts));
        }
        let Some((step, order_id)) = step_of(&message) else { continue };
        let is_last = step + 1 == steps.len();
        let known = if is_last { in_flight.remove(order_id) } else { in_flight.get(order_id).copied() };
        // A copy of an event that was received before.
        let Some((at, counts)) = known else { continue };
        if counts {
            steps[step].saturating_record(u64::try_from(now.duration_since(at).as_micros())?);
        }
        done += usize::from(is_last);
    }
    Ok(steps)
}

/// Returns the step that published it and its order; none for the load's own messages.
fn step_of(message: &Message) -> Option<(usize, &str)> {
    let step = TYPES.iter().skip(1).position(|name| message.subject.ends_with(name))?;
    let subject = message.headers.as_ref()?.get("ce-subject")?.as_str();
    Some((step, Subject::parse(subject).order_id()?))
}
