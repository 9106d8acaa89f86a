//! The worker: every handler it registers.

use std::time::Duration;

use despatch_contracts::exception::{BulkReplayDue, MonitorDue};
use despatch_contracts::order::OrderCancelRequested;
use despatch_contracts::runtime::Replay;
use despatch_runtime::Worker;

use crate::alerts::gauges::gauges;
use crate::alerts::monitor::Monitor;
use crate::asks;
use crate::cases::close_cancelled::CloseCancelled;
use crate::cases::open::Open;
use crate::cases::outages::Outages;
use crate::cases::priority::WorthLimits;
use crate::cases::resolve::Resolve;
use crate::config::{Config, ConfigError};
use crate::replays::advance::Advance;
use crate::retention::retentions;
use crate::schema::{MIGRATIONS, NAME};

/// Registers the worker's handlers and gauges. Fails with everything that is wrong with the configuration.
pub fn worker(config: &Config) -> Result<Worker, Vec<ConfigError>> {
    let calendar = config.calendar.calendar();
    let calendar =
        calendar.map_err(|problems| problems.into_iter().map(ConfigError::from).collect::<Vec<_>>())?;
    let monitor_every = Duration::from_secs(config.monitor_seconds.max(1));
    let limit = |minor: i64| Some(minor).filter(|minor| *minor > 0);
    let worth_limits =
        WorthLimits { low_minor: limit(config.low_value_minor), high_minor: limit(config.high_value_minor) };
    let mut worker = gauges().into_iter().fold(Worker::new(NAME, MIGRATIONS), Worker::gauge);
    let (monitor_due, replay_due) = (worker.timer::<MonitorDue>(), worker.timer::<BulkReplayDue>());
    Ok(asks::register(worker)
        .prunes(retentions())
        .handler(Outages { calendar: calendar.clone(), monitor_due, monitor_every })
        .handler(Open { calendar, worth_limits, monitor_due, monitor_every })
        .handler(Resolve)
        .handler(CloseCancelled)
        .handler(Advance { replay_due })
        .handler(Monitor { every: monitor_every, monitor_due })
        .emits::<(Replay, OrderCancelRequested)>())
}
