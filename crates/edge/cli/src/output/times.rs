//! Times as people read them: in the machine's time zone, or as an age.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

/// An instant in the machine's zone, to the minute, with the zone: `29 Nov 17:36 CET`.
pub(crate) fn local(at: Timestamp) -> String {
    at.to_zoned(TimeZone::system()).strftime("%d %b %H:%M %Z").to_string()
}

/// How long ago an instant is: `12 s`, `21 m`, `3 h`, `5 d`.
pub(crate) fn age(since: Timestamp, now: Timestamp) -> String {
    span(now.duration_since(since))
}

/// When something is due: `in 19 h`, or `overdue 2 h`.
pub(crate) fn due(at: Timestamp, now: Timestamp) -> String {
    let left = at.duration_since(now);
    if left.is_negative() { format!("overdue {}", span(-left)) } else { format!("in {}", span(left)) }
}

/// A duration in its largest whole unit; what is negative counts as nothing.
pub(crate) fn span(duration: SignedDuration) -> String {
    let seconds = duration.as_secs().max(0);
    match seconds {
        0..=119 => format!("{seconds} s"),
        120..=7_199 => format!("{} m", seconds / 60),
        7_200..=172_799 => format!("{} h", seconds / 3_600),
        _ => format!("{} d", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_age_has_one_unit() {
        let now: Timestamp = "2026-11-29T12:00:00Z".parse().unwrap();
        let ago = |text: &str| age(now - text.parse::<SignedDuration>().unwrap(), now);
        assert_eq!(
            [ago("5s"), ago("119s"), ago("120s"), ago("90m"), ago("2h"), ago("47h"), ago("48h")],
            ["5 s", "119 s", "2 m", "90 m", "2 h", "47 h", "2 d"]
        );
        // Clocks differ.
        assert_eq!(age(now + SignedDuration::from_secs(3), now), "0 s");
    }

    #[test]
    fn a_due_time_says_on_which_side_of_now_it_lies() {
        let now: Timestamp = "2026-11-29T12:00:00Z".parse().unwrap();
        assert_eq!(due(now + SignedDuration::from_hours(19), now), "in 19 h");
        assert_eq!(due(now - SignedDuration::from_hours(2), now), "overdue 2 h");
    }
}
