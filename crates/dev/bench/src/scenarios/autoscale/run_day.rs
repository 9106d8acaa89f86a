//! One day: the load comes by the hour, however large the worker's backlog is. The lag and the processes are read until
//! everything is handled.

use std::time::Duration;

use async_nats::jetstream::Context;
use despatch_contracts::Trace;
use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt as _, StreamExt as _};
use serde::{Deserialize, Serialize};
use tokio::time::{Instant, MissedTickBehavior, interval};
use uuid::Uuid;

use crate::load::audit::audit_step;
use crate::load::carrier;
use crate::load::placing::Placing;
use crate::load::run_env::Servers;
use crate::load::steps::{self, Parcel};
use crate::load::worker_process::{Role, prepare};
use crate::result::Result;
use crate::scenarios::autoscale::day::Day;
use crate::scenarios::autoscale::decide::{Rules, Scaler};
use crate::scenarios::autoscale::fleet::Fleet;
use crate::scenarios::autoscale::lag::Lag;

/// Interval at which the lag is read. The scaler's decisions are no closer together.
pub(crate) const POLL_INTERVAL: Duration = Duration::from_millis(500);

/// Interval at which due messages are placed.
const PLACE_INTERVAL: Duration = Duration::from_millis(5);

/// The rule for the number of processes.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Sizing {
    /// A fixed number. The formula's number is recorded beside it.
    Fixed(usize, Rules),
    /// The scaler.
    Scaled(Rules),
}

/// The readings at one moment.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Reading {
    /// Seconds since the day began.
    pub(crate) seconds: f64,
    /// The hour of the day; 24 is midnight.
    pub(crate) hour: f64,
    /// Messages arriving per second.
    pub(crate) offered: f64,
    pub(crate) pending: u64,
    pub(crate) ack_pending: u64,
    pub(crate) oldest_seconds: f64,
    /// The number of the formula alone.
    pub(crate) formula: usize,
    /// The scaler's number after tolerance, stabilisation and policies; otherwise the fixed number.
    pub(crate) desired: usize,
    /// Processes that take messages.
    pub(crate) working: usize,
}

/// The readings of a complete day.
pub(crate) struct DayLog {
    pub(crate) messages: usize,
    /// The longest delay with which a message was placed.
    pub(crate) latest_ms: f64,
    pub(crate) readings: Vec<Reading>,
}

/// Runs a day to its end. Fails unless every message was recorded once.
pub(crate) async fn run_day(
    servers: &Servers,
    day: Day,
    answers_after: Duration,
    sizing: Sizing,
) -> Result<DayLog> {
    let env = servers.run_env().await?;
    let role = Role::Carrier { answers_after };
    prepare(&env, &[role]).await?;
    let (rules, at_first) = match sizing {
        Sizing::Fixed(processes, rules) => (rules, processes),
        Sizing::Scaled(rules) => (rules, rules.least),
    };
    let mut scaler = match sizing {
        Sizing::Fixed(..) => None,
        Sizing::Scaled(rules) => Some(Scaler::new(rules)),
    };
    let mut fleet = Fleet::start(&env.settings, role, at_first).await?;
    let stream = env.jetstream.get_stream(env.stream()).await?;
    let consumer = steps::HANDLERS[carrier::STEP].replace('.', "-");
    let subject = placing(&env.settings.namespace).subject;

    let began = Instant::now();
    let mut load = tokio::spawn(place(env.jetstream.clone(), env.settings.namespace.clone(), day, began));
    let mut placed = None;
    let mut readings = Vec::new();
    let mut polls = interval(POLL_INTERVAL);
    polls.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut next_decision = Duration::ZERO;
    // The backlog of a day must be handled within another day.
    let deadline = Duration::from_secs_f64(2.0 * day.seconds + 60.0);
    let (messages, latest) = loop {
        tokio::select! {
            done = &mut load, if placed.is_none() => placed = Some(done??),
            _ = polls.tick() => {
                fleet.poll()?;
                let lag = Lag::of(&stream, &consumer, &subject).await?;
                let at = began.elapsed();
                if let Some(scaler) = &mut scaler
                    && at >= next_decision
                {
                    // A poll may come a little late or early; the number of decisions is the same.
                    next_decision = at + rules.sync.saturating_sub(POLL_INTERVAL / 2);
                    fleet.scale(scaler.decide(at, lag.messages(), fleet.processes()));
                }
                readings.push(reading(day, at, lag, rules, &fleet));
                if lag.messages() == 0 && let Some(placed) = placed {
                    break placed;
                }
                if at > deadline {
                    return Err(format!("{} messages are still not handled", lag.messages()).into());
                }
            }
        }
    };
    fleet.stop().await?;
    audit_step(&env.db().await?, steps::SCHEMAS[carrier::STEP], messages).await?;
    env.clear().await?;
    Ok(DayLog { messages, latest_ms: latest.as_secs_f64() * 1e3, readings })
}

fn reading(day: Day, at: Duration, lag: Lag, rules: Rules, fleet: &Fleet) -> Reading {
    let seconds = at.as_secs_f64();
    Reading {
        seconds,
        hour: day.hour(seconds),
        offered: day.rate(seconds),
        pending: lag.pending,
        ack_pending: lag.ack_pending,
        oldest_seconds: lag.oldest_seconds,
        formula: rules.formula(lag.messages()),
        desired: fleet.processes(),
        working: fleet.working(),
    }
}

fn placing(namespace: &str) -> Placing {
    Placing::new(namespace, Parcel::new(Uuid::now_v7()).event(carrier::STEP), &Trace::root())
}

/// Places the day's messages when they are due. Returns their number and the longest delay.
async fn place(jetstream: Context, namespace: String, day: Day, began: Instant) -> Result<(usize, Duration)> {
    let mut unacked = FuturesUnordered::new();
    let (mut placed, mut latest) = (0, Duration::ZERO);
    let mut ticks = interval(PLACE_INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut before = began;
    loop {
        ticks.tick().await;
        let due = due_by(day, began.elapsed());
        while placed < due {
            let Placing { subject, headers, payload } = placing(&namespace);
            let sent = jetstream.publish_with_headers(subject, headers, payload).await?;
            unacked.push(sent.into_future());
            placed += 1;
        }
        // Everything due since then was placed by now.
        latest = latest.max(before.elapsed());
        before = Instant::now();
        while let Some(Some(stored)) = unacked.next().now_or_never() {
            stored?;
        }
        if placed == due_by(day, Duration::MAX) {
            break;
        }
    }
    while let Some(stored) = unacked.next().await {
        stored?;
    }
    Ok((placed, latest))
}

/// Returns the number of messages that should have been placed.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "above zero, and few")]
fn due_by(day: Day, at: Duration) -> usize {
    day.placed_by(at.as_secs_f64()).floor() as usize
}
