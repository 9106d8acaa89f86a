//! The deployment's time: the database's clock, which each process carries on by itself.
//!
//! Processes on different machines must agree on ids and ages, but their clocks may differ. So a process learns the
//! database's time at each new connection and with every tick of the scheduler, and counts on from there. It counts by
//! the machine's monotonic clock, which nobody sets: a step of the wall clock changes no id, and no other code needs a
//! query for the time.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant, SystemTime};

use despatch_contracts::EventId;

/// A reading that took longer says too little about the database's time: a server or this process had stopped.
const SLOW_READING: Duration = Duration::from_secs(1);

/// No time since 1970.
const UNKNOWN: i64 = i64::MIN;

/// The time of one database, as one of its users knows it.
#[derive(Debug)]
pub(crate) struct Clock {
    began: Instant,
    /// The database's time at `began`, in microseconds since 1970.
    at_begin: AtomicI64,
}

impl Default for Clock {
    fn default() -> Self {
        Clock { began: Instant::now(), at_begin: AtomicI64::new(UNKNOWN) }
    }
}

impl Clock {
    /// Returns the current time by the database's clock; by this machine's until the database has been reached.
    pub(crate) fn now(&self) -> SystemTime {
        self.known().unwrap_or_else(SystemTime::now)
    }

    /// Returns the current time by the database's clock; `None` until the database has been reached.
    pub(crate) fn known(&self) -> Option<SystemTime> {
        let at_begin = self.at_begin.load(Ordering::Relaxed);
        let since_1970 = Duration::from_micros(u64::try_from(at_begin).ok()?) + self.began.elapsed();
        SystemTime::UNIX_EPOCH.checked_add(since_1970)
    }

    /// Microseconds by which the database's clock is ahead of this machine's at this moment; 0 until the database has
    /// been reached.
    pub(crate) fn database_ahead(&self) -> i64 {
        let Some(database) = self.known() else { return 0 };
        match database.duration_since(SystemTime::now()) {
            Ok(ahead) => micros(ahead),
            Err(behind) => -micros(behind.duration()),
        }
    }

    /// Learns the database's time, which was asked for at `asked` and is answered now.
    pub(crate) fn learn(&self, database: SystemTime, asked: Instant) {
        let answered = Instant::now();
        let took = answered.saturating_duration_since(asked);
        if took > SLOW_READING && self.known().is_some() {
            return;
        }
        let since_begin = asked.saturating_duration_since(self.began) + took / 2;
        let Ok(since_1970) = database.duration_since(SystemTime::UNIX_EPOCH) else { return };
        self.at_begin.store(micros(since_1970).saturating_sub(micros(since_begin)), Ordering::Relaxed);
    }

    /// Returns an id for a new event.
    pub(crate) fn new_id(&self) -> EventId {
        EventId::at(self.now())
    }

    /// Returns an id for a new event by the database's time; `None` until the database has been reached.
    pub(crate) fn known_id(&self) -> Option<EventId> {
        self.known().map(EventId::at)
    }
}

fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: Duration = Duration::from_secs(86_400);

    fn apart(one: SystemTime, other: SystemTime) -> Duration {
        one.duration_since(other).unwrap_or_else(|error| error.duration())
    }

    #[test]
    fn ids_carry_the_databases_time() {
        let clock = Clock::default();
        assert_eq!((clock.known_id(), clock.database_ahead()), (None, 0));
        let local = SystemTime::now();
        for database in [local + DAY / 24, local - DAY * 40] {
            clock.learn(database, Instant::now());
            for id in [clock.new_id(), clock.known_id().unwrap()] {
                assert!(apart(id.created_at(), database) < Duration::from_secs(5), "{id:?}");
            }
            let ahead = Duration::from_micros(clock.database_ahead().unsigned_abs());
            assert!(
                apart(local + ahead, local + apart(database, local)) < Duration::from_secs(5),
                "{ahead:?}"
            );
            assert_eq!(clock.database_ahead() > 0, database > local);
        }
    }

    #[test]
    fn a_slow_reading_changes_nothing_that_is_known() {
        let Some(long_ago) = Instant::now().checked_sub(SLOW_READING * 2) else { return };
        let clock = Clock::default();
        let database = SystemTime::now() - DAY;
        clock.learn(database, long_ago);
        assert!(apart(clock.now(), database) < Duration::from_secs(5), "the first says more than nothing");
        clock.learn(database - DAY, long_ago);
        assert!(apart(clock.now(), database) < Duration::from_secs(5));
    }
}
