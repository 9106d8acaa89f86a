//! One day: the load comes by the hour whatever becomes of it, and the lag and the processes are read until all is handled.

use std::time::Duration;

use async_nats::jetstream::Context;
use despatch_contracts::Trace;
use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt as _, StreamExt as _};
use serde::{Deserialize, Serialize};
use tokio::time::{Instant, MissedTickBehavior, interval};
use uuid::Uuid;

use crate::autoscale::carrier;
use crate::autoscale::day::Day;
use crate::autoscale::decide::{Rules, Scaler};
use crate::autoscale::fleet::Fleet;
use crate::autoscale::lag::Lag;
use crate::child::{self, Role};
use crate::load::Placing;
use crate::site::Site;
use crate::steps::{self, Parcel};
use crate::{Outcome, flow};

/// How often the lag is read. The scaler's turns are no closer together.
pub(crate) const LOOK: Duration = Duration::from_millis(500);

/// How often messages that have come due are placed.
const PLACE: Duration = Duration::from_millis(5);

/// Who says how many processes there are.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Sizing {
    /// Always so many. What the formula would have asked for is noted beside it.
    Fixed(usize, Rules),
    /// The scaler.
    Scaled(Rules),
}

/// What was seen at one moment.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Reading {
    /// Since the day began.
    pub(crate) seconds: f64,
    /// The hour of the day; 24 is midnight.
    pub(crate) hour: f64,
    /// Messages a second that come.
    pub(crate) offered: f64,
    pub(crate) pending: u64,
    pub(crate) ack_pending: u64,
    pub(crate) oldest_seconds: f64,
    /// What the formula alone asks for.
    pub(crate) formula: usize,
    /// What the scaler wants after tolerance, stabilisation and policies; the fixed number where there is one.
    pub(crate) desired: usize,
    /// Processes that take messages.
    pub(crate) working: usize,
}

/// A day that was seen to its end.
pub(crate) struct Seen {
    pub(crate) messages: usize,
    /// The longest that a message was placed after its time.
    pub(crate) latest_ms: f64,
    pub(crate) readings: Vec<Reading>,
}

/// Fails unless every message was recorded, once.
pub(crate) async fn through(site: &Site, day: Day, answers_after: Duration, sizing: Sizing) -> Outcome<Seen> {
    let plot = site.plot().await?;
    let role = Role::Carrier { answers_after };
    child::prepare(&plot, &[role]).await?;
    let (rules, at_first) = match sizing {
        Sizing::Fixed(processes, rules) => (rules, processes),
        Sizing::Scaled(rules) => (rules, rules.least),
    };
    let mut scaler = match sizing {
        Sizing::Fixed(..) => None,
        Sizing::Scaled(rules) => Some(Scaler::new(rules)),
    };
    let mut fleet = Fleet::start(&plot.settings, role, at_first).await?;
    let stream = plot.jetstream.get_stream(plot.stream()).await?;
    let consumer = steps::HANDLERS[carrier::STEP].replace('.', "-");
    let subject = placing(&plot.settings.namespace).subject;

    let began = Instant::now();
    let mut load = tokio::spawn(place(plot.jetstream.clone(), plot.settings.namespace.clone(), day, began));
    let mut placed = None;
    let mut readings = Vec::new();
    let mut looks = interval(LOOK);
    looks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut next_turn = Duration::ZERO;
    // What a day has left over is to be done within another.
    let deadline = Duration::from_secs_f64(2.0 * day.seconds + 60.0);
    let (messages, latest) = loop {
        tokio::select! {
            done = &mut load, if placed.is_none() => placed = Some(done??),
            _ = looks.tick() => {
                fleet.look()?;
                let lag = Lag::of(&stream, &consumer, &subject).await?;
                let at = began.elapsed();
                if let Some(scaler) = &mut scaler
                    && at >= next_turn
                {
                    // A look comes a little late or early; the turns are as many all the same.
                    next_turn = at + rules.sync.saturating_sub(LOOK / 2);
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
    flow::audit_step(&plot.db().await?, steps::SCHEMAS[carrier::STEP], messages).await?;
    plot.clear().await?;
    Ok(Seen { messages, latest_ms: latest.as_secs_f64() * 1e3, readings })
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

/// Places the day's messages when they are due, and answers how many they were and how late the latest was.
async fn place(
    jetstream: Context,
    namespace: String,
    day: Day,
    began: Instant,
) -> Outcome<(usize, Duration)> {
    let mut unacked = FuturesUnordered::new();
    let (mut placed, mut latest) = (0, Duration::ZERO);
    let mut ticks = interval(PLACE);
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
        // Whatever has come due since then was placed by now.
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

/// Messages that should have been placed.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "above zero, and few")]
fn due_by(day: Day, at: Duration) -> usize {
    day.placed_by(at.as_secs_f64()).floor() as usize
}
