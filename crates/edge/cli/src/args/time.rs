//! Ages and instants on the command line.

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
