//! The schedule of review requests: once after the delivery, then at intervals, until the review lapses.

use std::time::Duration;

use crate::config::Config;

/// The next step when a request is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Due {
    /// Ask now; the next step is due after this time.
    Ask { next_after: Duration },
    /// Every request stayed unanswered.
    Lapse,
}

/// The requests of one configuration: request 0 is the first, request n the nth reminder.
#[derive(Debug, Clone)]
pub(crate) struct Schedule {
    first_after: Duration,
    /// The wait for an answer after each request.
    waits: Vec<Duration>,
}

impl Schedule {
    pub(crate) fn new(config: &Config) -> Self {
        let reminders = config.reminders_seconds.iter().copied();
        let starts: Vec<u64> = [0].into_iter().chain(reminders).collect();
        // Reminders count from the first request; a late one does not bring the next one nearer.
        let waits = starts.windows(2).map(|pair| pair[1].saturating_sub(pair[0]));
        let waits = waits.chain([config.lapse_after_seconds]).map(Duration::from_secs).collect();
        Schedule { first_after: Duration::from_secs(config.ask_after_seconds), waits }
    }

    /// Returns the time from the delivery to request 0.
    pub(crate) fn first_after(&self) -> Duration {
        self.first_after
    }

    /// Returns the step when request `ask` is due.
    pub(crate) fn due(&self, ask: u32) -> Due {
        match self.waits.get(ask as usize) {
            Some(next_after) => Due::Ask { next_after: *next_after },
            None => Due::Lapse,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: u64 = 24 * 3600;

    fn schedule(reminders_days: &[u64], lapse_after_days: u64) -> Schedule {
        Schedule::new(&Config {
            ask_after_seconds: DAY,
            reminders_seconds: reminders_days.iter().map(|days| days * DAY).collect(),
            lapse_after_seconds: lapse_after_days * DAY,
            public_url: String::new(),
            link_secret: String::new(),
        })
    }

    fn ask(days: u64) -> Due {
        Due::Ask { next_after: Duration::from_secs(days * DAY) }
    }

    #[test]
    fn reminders_count_from_the_first_ask() {
        let schedule = schedule(&[7, 14, 28], 10);
        assert_eq!(schedule.first_after(), Duration::from_secs(DAY));
        assert_eq!([0, 1, 2, 3].map(|n| schedule.due(n)), [ask(7), ask(7), ask(14), ask(10)]);
        assert_eq!(schedule.due(4), Due::Lapse);
        assert_eq!(schedule.due(u32::MAX), Due::Lapse);
    }

    #[test]
    fn without_reminders_the_first_ask_is_the_last() {
        let schedule = schedule(&[], 3);
        assert_eq!([schedule.due(0), schedule.due(1)], [ask(3), Due::Lapse]);
    }

    #[test]
    fn reminders_out_of_order_come_at_once_rather_than_never() {
        assert_eq!(schedule(&[14, 7], 1).due(1), ask(0));
    }
}
