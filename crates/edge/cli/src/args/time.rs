//! Ages and instants on the command line.

use jiff::civil::{Date, DateTime};
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

/// A time to come: an instant, a time of the machine's zone, a date, which is its last minute, or how long from now: `5d`.
pub(crate) fn due(text: &str) -> Result<Timestamp, String> {
    let text = text.trim();
    let problem = || format!("expected a time, e.g. 2026-12-03, 2026-12-03T14:00 or 5d, found {text:?}");
    if let Ok(after) = age(text) {
        return Timestamp::now().checked_add(after).map_err(|_| problem());
    }
    let is_date = text.len() == "2026-12-03".len();
    match text.parse::<Date>() {
        Ok(date) if is_date => {
            let end = date.at(23, 59, 0, 0).to_zoned(TimeZone::system());
            end.map(|zoned| zoned.timestamp()).map_err(|_| problem())
        }
        _ => moment(text).map_err(|_| problem()),
    }
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

    #[test]
    fn a_due_time_is_an_instant_the_end_of_a_day_or_a_time_from_now() {
        let expected: Timestamp = "2026-12-03T13:00:00Z".parse().unwrap();
        assert_eq!(due("2026-12-03T14:00:00+01:00"), Ok(expected));
        let end = due("2026-12-03").unwrap().to_zoned(TimeZone::system());
        assert_eq!(end.strftime("%Y-%m-%d %H:%M").to_string(), "2026-12-03 23:59");
        let days = due("5d").unwrap().duration_since(Timestamp::now()).as_secs();
        assert!((432_000 - 60..=432_000).contains(&days), "{days}");
        assert!(due("soon").unwrap_err().contains("expected a time"));
    }
}
