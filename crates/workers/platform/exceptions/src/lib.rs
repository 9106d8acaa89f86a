//! The exceptions worker: every dead letter becomes a case that a team owns, with a queue, a priority and a time by which
//! it is due. A case lives until it is resolved, through as many failures as that takes, and keeps its whole history.
//!
//! [`Desk`] is what people do with cases; [`store`] has what the edge may read.

mod alerts;
mod calendar;
mod cases;
mod replays;

use std::time::Duration;

use despatch_contracts::exception::{ReplayDue, WatchDue};
use despatch_contracts::order::OrderCancelRequested;
use despatch_contracts::runtime::Replay;
use despatch_runtime::{Migration, Worker};
use serde::Deserialize;

pub use calendar::{Calendar, CalendarError, Day};
pub use cases::actions::{Desk, DeskError, Edit};
pub use cases::case::{Case, Entry, Id, State, Try};
pub use cases::store;
pub use replays::bulk_replay::{Item, Job, JobEntry, JobState, Tally, Terms};

/// The worker's name, and its schema's.
pub const NAME: &str = "exceptions";

const MIGRATIONS: &[Migration] = &[
    Migration { name: "0001_exceptions", sql: include_str!("../migrations/0001_exceptions.sql") },
    Migration { name: "0002_jobs", sql: include_str!("../migrations/0002_jobs.sql") },
    Migration { name: "0003_resolutions", sql: include_str!("../migrations/0003_resolutions.sql") },
    Migration { name: "0004_alarms", sql: include_str!("../migrations/0004_alarms.sql") },
    Migration { name: "0005_search", sql: include_str!("../migrations/0005_search.sql") },
    Migration { name: "0006_decided", sql: include_str!("../migrations/0006_decided.sql") },
];

/// When the teams work.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The hours that service levels are counted in.
    pub calendar: Calendar,
    /// From which total on an order's cases are a step more urgent, in minor units of its currency; 0 for no total.
    pub dear_minor: i64,
    /// How often queues and reasons are looked over for what operators should be told of, in seconds; at least 1.
    pub watch_seconds: u64,
}

/// Registers `exceptions.open`, `exceptions.settle`, `exceptions.close`, `exceptions.advance` and `exceptions.watch`. Fails when the calendar has no working time.
pub fn worker(config: &Config) -> Result<Worker, CalendarError> {
    config.calendar.check()?;
    let every = Duration::from_secs(config.watch_seconds.max(1));
    let worker = alerts::store::surveys().into_iter().fold(Worker::new(NAME, MIGRATIONS), Worker::gauge);
    Ok(worker
        .handler(cases::open::Open {
            calendar: config.calendar.clone(),
            dear_minor: Some(config.dear_minor).filter(|dear| *dear > 0),
            watch_every: every,
        })
        .handler(cases::resolve::Settle)
        .handler(cases::close_cancelled::Close)
        .handler(replays::advance::Advance)
        .handler(alerts::monitor::Watch { every })
        .emits::<(Replay, ReplayDue, WatchDue, OrderCancelRequested)>())
}
