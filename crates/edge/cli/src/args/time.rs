//! Ages and instants on the command line.

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

/// An instant, or how long ago.
pub(super) fn since(text: &str) -> Result<Timestamp, String> {
    let ago = |age| Timestamp::now().checked_sub(age).map_err(|error| error.to_string());
    match (text.parse(), age(text)) {
        (Ok(instant), _) => Ok(instant),
        (_, Ok(age)) => ago(age),
        _ => Err("expected an instant, e.g. 2026-11-22T08:00:00Z, or an age, e.g. 12h".to_owned()),
    }
}

/// How long ago, in minutes, hours or days.
pub(super) fn age(text: &str) -> Result<SignedDuration, String> {
    let expected = || "expected a number and m, h or d, e.g. 12h".to_owned();
    let (number, unit) = text.split_at_checked(text.len().saturating_sub(1)).ok_or_else(expected)?;
    let number: i32 = number.parse().map_err(|_| expected())?;
    let minutes = match unit {
        "m" => 1,
        "h" => 60,
        "d" => 24 * 60,
        _ => return Err(expected()),
    };
    Ok(SignedDuration::from_mins(i64::from(number) * minutes))
}

/// An instant, a time of the machine's zone, or how long ago: `2026-11-30T09:15Z`, `2026-11-30T09:15`, `20m`.
pub(crate) fn moment(text: &str) -> Result<Timestamp, String> {
    let text = text.trim();
    if let Ok(instant) = text.parse::<Timestamp>() {
        return Ok(instant);
    }
    if let Ok(local) = text.parse::<DateTime>() {
        return local
            .to_zoned(TimeZone::system())
            .map(|zoned| zoned.timestamp())
            .map_err(|error| error.to_string());
    }
    since(text.trim_end_matches("ago").trim_end())
        .map_err(|_| format!("expected a time, e.g. 2026-11-30T09:15 or 20m ago, found {text:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_an_instant_a_local_time_or_an_age() {
        let expected: Timestamp = "2026-11-30T08:15:00Z".parse().unwrap();
        assert_eq!(moment("2026-11-30T09:15:00+01:00"), Ok(expected));
        let local = expected.to_zoned(TimeZone::system()).strftime("%Y-%m-%d %H:%M").to_string();
        assert_eq!(moment(&local), Ok(expected));
        let age = Timestamp::now().duration_since(moment("20m ago").unwrap()).as_secs();
        assert!((1199..1260).contains(&age), "{age}");
        assert!(moment("yesterday").unwrap_err().contains("expected a time"));
    }
}
