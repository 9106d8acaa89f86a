//! A day of a shop, compressed: the messages per second at each hour. It begins at four in the morning, so that the
//! night after the evening's peak is complete.

use serde::{Deserialize, Serialize};

/// Hours since midnight, each with its part of the peak; values in between are interpolated.
const HOURS: [(f64, f64); 11] = [
    (4.0, 0.08),
    (6.0, 0.08),
    (9.0, 0.25),
    (12.0, 0.28),
    (15.0, 0.22),
    (18.0, 0.35),
    (19.5, 1.0),
    (20.5, 1.0),
    (22.5, 0.25),
    (24.0, 0.12),
    (28.0, 0.08),
];

/// A day.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) struct Day {
    /// How long it lasts.
    pub(crate) seconds: f64,
    /// Messages a second in the evening.
    pub(crate) peak: f64,
}

impl Day {
    /// Returns the hour at this second. After the day it goes on, and no messages come.
    pub(crate) fn hour(&self, seconds: f64) -> f64 {
        HOURS[0].0 + seconds / self.seconds * 24.0
    }

    /// Returns the messages per second at this second.
    pub(crate) fn rate(&self, seconds: f64) -> f64 {
        let hour = self.hour(seconds);
        let within = HOURS.windows(2).find(|ends| ends[0].0 <= hour && hour <= ends[1].0);
        within.map_or(0.0, |ends| self.peak * between(ends[0], ends[1], hour))
    }

    /// Returns the number of messages up to this second.
    pub(crate) fn placed_by(&self, seconds: f64) -> f64 {
        let hour = self.hour(seconds);
        let so_far = HOURS.windows(2).map(|ends| {
            let (begin, end) = (ends[0], ends[1]);
            let until = hour.clamp(begin.0, end.0);
            (until - begin.0) * f64::midpoint(begin.1, between(begin, end, until))
        });
        so_far.sum::<f64>() * self.peak * self.seconds / 24.0
    }
}

fn between(begin: (f64, f64), end: (f64, f64), hour: f64) -> f64 {
    begin.1 + (end.1 - begin.1) * (hour - begin.0) / (end.0 - begin.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: Day = Day { seconds: 120.0, peak: 480.0 };

    #[test]
    fn it_is_a_day_from_four_to_four_and_nothing_comes_after_it() {
        assert_eq!((HOURS[0].0, HOURS[HOURS.len() - 1].0), (4.0, 28.0));
        assert_eq!((DAY.hour(0.0), DAY.hour(80.0), DAY.hour(120.0)), (4.0, 20.0, 28.0));
        assert_eq!((DAY.rate(80.0), DAY.rate(121.0)), (480.0, 0.0));
        assert!((DAY.placed_by(500.0) - DAY.placed_by(120.0)).abs() < f64::EPSILON);
    }

    #[test]
    fn what_has_come_is_the_sum_of_the_rates() {
        let (mut sum, mut seconds) = (0.0, 0.0);
        while seconds < 120.0 {
            sum += DAY.rate(seconds + 0.005) * 0.01;
            seconds += 0.01;
            assert!((sum - DAY.placed_by(seconds)).abs() < 1.0, "after {seconds} s");
        }
    }
}
