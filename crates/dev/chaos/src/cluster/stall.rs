//! Stalls: how long no label was made although orders kept coming.

use std::time::{Duration, SystemTime};

use despatch_runtime::Database;

use crate::result::Result;

/// The times of a fault until its remedy.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Moments {
    /// When it began.
    pub(crate) at: SystemTime,
    /// When the servers could go on by themselves: every group of NATS on the way to a label had a leader, or a standby
    /// was promoted.
    pub(crate) led_again: Option<SystemTime>,
    /// When the remedy began: the server came back.
    pub(crate) healed: SystemTime,
}

/// The times of a fault.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Times {
    pub(crate) moments: Moments,
    /// When everything was as before.
    pub(crate) settled: SystemTime,
}

/// The longest stalls of a fault.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Stalls {
    /// From the fault on.
    pub(crate) whole: Duration,
    /// Of that, after the servers could go on.
    pub(crate) ours: Duration,
    /// When the server came back.
    pub(crate) at_return: Duration,
    /// Labels that were made.
    pub(crate) labels: usize,
}

/// Reads from the tables when labels were made, and returns the longest stalls.
pub(crate) async fn read(database: &Database, times: &Times) -> Result<Stalls> {
    let sql = "select created_at from labels.label where created_at between $1 and $2 order by created_at";
    let rows = database.client().await?.query(sql, &[&times.moments.at, &times.settled]).await?;
    Ok(longest(&rows.iter().map(|row| row.get(0)).collect::<Vec<SystemTime>>(), times))
}

fn longest(labels: &[SystemTime], times: &Times) -> Stalls {
    let mut stalls = Stalls { labels: labels.len(), ..Stalls::default() };
    let begins = std::iter::once(&times.moments.at).chain(labels);
    let ends = labels.iter().chain(std::iter::once(&times.settled));
    for (begin, end) in begins.zip(ends) {
        let since = |from: SystemTime| end.duration_since(from).unwrap_or_default();
        let after_return = end.duration_since(times.moments.healed).unwrap_or_default();
        let before_return = times.moments.healed.duration_since(*begin).unwrap_or_default();
        // A stall belongs to the fault or to the server's return, whichever most of it fell into.
        if before_return >= after_return {
            stalls.whole = stalls.whole.max(since(*begin));
            stalls.ours =
                stalls.ours.max(since(times.moments.led_again.map_or(*begin, |led| led.max(*begin))));
        } else {
            stalls.at_return = stalls.at_return.max(since(*begin));
        }
    }
    stalls
}
