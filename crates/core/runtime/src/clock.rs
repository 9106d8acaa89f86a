//! The deployment's time: this machine's clock plus its offset to the database's clock.
//!
//! Processes on different machines must agree on ids and ages, but their clocks may differ. The scheduler reads the
//! database's time with every tick, so no other code needs a query for it.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime};

use despatch_contracts::EventId;

/// A worker's estimate of the database's time.
#[derive(Debug, Default)]
pub(crate) struct Clock {
    /// How far the database's clock is ahead of this machine's, in microseconds.
    offset: AtomicI64,
}

impl Clock {
    /// Returns the current time by the database's clock, as last learned.
    pub(crate) fn now(&self) -> SystemTime {
        shift(SystemTime::now(), self.offset.load(Ordering::Relaxed))
    }

    /// Microseconds by which the database's clock is ahead of this machine's, as far as that is known.
    pub(crate) fn database_ahead(&self) -> i64 {
        self.offset.load(Ordering::Relaxed)
    }

    /// Learns the database's time, which the database read between `asked` and `answered`.
    pub(crate) fn learn(&self, database: SystemTime, asked: SystemTime, answered: SystemTime) {
        let middle = asked + answered.duration_since(asked).unwrap_or_default() / 2;
        let offset = match database.duration_since(middle) {
            Ok(ahead) => micros(ahead),
            Err(behind) => -micros(behind.duration()),
        };
        self.offset.store(offset, Ordering::Relaxed);
    }

    /// Returns an id for a new event.
    pub(crate) fn new_id(&self) -> EventId {
        EventId::at(self.now())
    }
}

fn shift(time: SystemTime, micros: i64) -> SystemTime {
    let by = Duration::from_micros(micros.unsigned_abs());
    let shifted = if micros < 0 { time.checked_sub(by) } else { time.checked_add(by) };
    shifted.unwrap_or(time)
}

fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_carry_the_databases_time() {
        let clock = Clock::default();
        for (hours, sign) in [(1, 1), (24 * 40, -1)] {
            let by = Duration::from_secs(3600 * hours);
            let local = SystemTime::now();
            let database = if sign > 0 { local + by } else { local - by };
            clock.learn(database, local, local);
            let created = clock.new_id().created_at();
            let apart = created.duration_since(database).unwrap_or_else(|error| error.duration());
            assert!(apart < Duration::from_secs(5), "{apart:?}");
        }
    }
}
