//! Working hours in a time zone, and due times that are counted in them.
//!
//! A [`Calendar`] answers one question: when has a team worked for a given number of hours, starting at some instant?
//! The service levels of cases are counted this way, and so can a location's cut-offs be. The crate is pure: it reads
//! no clock, and it brings the time zone database with it, so the same input gives the same answer on every machine.
//!
//! Working time is civil time. Nine o'clock stays nine o'clock when the zone's clocks change, and a working day on
//! which they change within the working hours is an hour shorter or longer.
//!
//! ```
//! use despatch_calendar::{Calendar, Day};
//!
//! let office = Calendar {
//!     time_zone: "Europe/London".into(),
//!     opens: "09:00".parse()?,
//!     closes: "17:00".parse()?,
//!     days: vec![Day::Monday, Day::Tuesday, Day::Wednesday, Day::Thursday, Day::Friday],
//! };
//! office.check()?;
//! // 2026-03-06 is a Friday: one hour is left that day, and three more are due on Monday.
//! let due = office.due("2026-03-06T16:00:00Z".parse()?, 4)?;
//! assert_eq!(due.to_string(), "2026-03-09T12:00:00Z");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use jiff::civil::{Time, Weekday};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;

/// The working hours of a week: the same hours on each working day, without holidays.
///
/// Its form in TOML:
///
/// ```toml
/// time_zone = "Europe/London"
/// opens = "09:00"
/// closes = "17:00"
/// days = ["monday", "tuesday", "wednesday", "thursday", "friday"]
/// ```
///
/// A deserialised calendar can still be one without working time; call [`Calendar::check`] once when it is loaded.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Calendar {
    /// The zone's IANA name, e.g. `Europe/London`.
    pub time_zone: String,
    /// When work begins: civil time in the zone, e.g. `09:00`.
    pub opens: Time,
    /// When work ends: civil time on the same day, after `opens`. A shift across midnight cannot be expressed.
    pub closes: Time,
    /// The working days, in any order.
    pub days: Vec<Day>,
}

/// A day of the week; in configuration its English name in lower case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs, reason = "days of the week")]
pub enum Day {
    Monday,
    Tuesday,
    Wednesday,
    Thursday,
    Friday,
    Saturday,
    Sunday,
}

/// Why a calendar has no answer. Each message begins with the field's name, so a caller can put the path of its
/// configuration before it.
#[derive(Debug, thiserror::Error)]
pub enum CalendarError {
    /// The time zone database has no such name.
    #[error("time_zone: expected a name such as Europe/London, found {0:?}")]
    TimeZone(String),
    /// No day is a working day.
    #[error("days: expected at least one working day, found none")]
    NoDays,
    /// Work ends before it begins.
    #[error("closes: expected a time after {opens}, found {closes}")]
    NoHours {
        /// When work begins.
        opens: Time,
        /// When work ends.
        closes: Time,
    },
    /// The due time is later than a timestamp can be.
    #[error("due time: {0}")]
    Range(#[from] jiff::Error),
}

impl Calendar {
    /// Checks that the zone exists and that a week has working time.
    pub fn check(&self) -> Result<(), CalendarError> {
        self.checked_zone().map(drop)
    }

    /// Returns the moment when `hours` working hours have passed since `from`.
    ///
    /// Time outside of the working hours does not count: an instant at night counts from the next opening on. Work
    /// that ends exactly at closing time is due then, not on the next morning. With 0 hours the due time is `from`
    /// itself within working hours, else the next opening.
    ///
    /// Fails as [`Calendar::check`] does, and with [`CalendarError::Range`] when the sum is out of a timestamp's range.
    pub fn due(&self, from: Timestamp, hours: u32) -> Result<Timestamp, CalendarError> {
        let zone = self.checked_zone()?;
        let mut left = SignedDuration::from_hours(i64::from(hours));
        let mut date = from.to_zoned(zone.clone()).date();
        loop {
            if self.days.iter().any(|day| day.weekday() == date.weekday()) {
                let opens = date.to_datetime(self.opens).to_zoned(zone.clone())?.timestamp();
                let closes = date.to_datetime(self.closes).to_zoned(zone.clone())?.timestamp();
                let begins = from.max(opens);
                let open = begins.duration_until(closes);
                if left <= open {
                    return Ok(begins.checked_add(left)?);
                }
                left -= open.max(SignedDuration::ZERO);
            }
            date = date.tomorrow()?;
        }
    }

    fn checked_zone(&self) -> Result<TimeZone, CalendarError> {
        let Self { ref time_zone, opens, closes, ref days } = *self;
        let zone = TimeZone::get(time_zone).map_err(|_| CalendarError::TimeZone(time_zone.clone()))?;
        if days.is_empty() {
            return Err(CalendarError::NoDays);
        }
        if opens >= closes {
            return Err(CalendarError::NoHours { opens, closes });
        }
        Ok(zone)
    }
}

impl Day {
    fn weekday(self) -> Weekday {
        match self {
            Day::Monday => Weekday::Monday,
            Day::Tuesday => Weekday::Tuesday,
            Day::Wednesday => Weekday::Wednesday,
            Day::Thursday => Weekday::Thursday,
            Day::Friday => Weekday::Friday,
            Day::Saturday => Weekday::Saturday,
            Day::Sunday => Weekday::Sunday,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn office(time_zone: &str) -> Calendar {
        Calendar {
            time_zone: time_zone.into(),
            opens: "09:00".parse().unwrap(),
            closes: "17:00".parse().unwrap(),
            days: vec![Day::Monday, Day::Tuesday, Day::Wednesday, Day::Thursday, Day::Friday],
        }
    }

    fn due(calendar: &Calendar, from: &str, hours: u32) -> String {
        calendar.due(from.parse().unwrap(), hours).unwrap().to_string()
    }

    #[test]
    fn only_working_hours_count() {
        let calendar = office("UTC");
        // 2026-03-06 is a Friday.
        assert_eq!(due(&calendar, "2026-03-06T10:00:00Z", 4), "2026-03-06T14:00:00Z");
        assert_eq!(due(&calendar, "2026-03-06T10:00:00Z", 7), "2026-03-06T17:00:00Z");
        assert_eq!(due(&calendar, "2026-03-06T16:00:00Z", 4), "2026-03-09T12:00:00Z");
        assert_eq!(due(&calendar, "2026-03-06T22:00:00Z", 1), "2026-03-09T10:00:00Z");
        assert_eq!(due(&calendar, "2026-03-07T12:00:00Z", 16), "2026-03-10T17:00:00Z");
    }

    #[test]
    fn hours_are_local_also_where_clocks_change() {
        // London's clocks go forward on Sunday 2026-03-29.
        let calendar = office("Europe/London");
        assert_eq!(due(&calendar, "2026-03-27T16:30:00Z", 1), "2026-03-30T08:30:00Z");
    }

    #[test]
    fn a_calendar_without_working_time_is_refused() {
        assert!(office("UTC").check().is_ok());
        assert!(matches!(office("Mars/Olympus").check(), Err(CalendarError::TimeZone(_))));
        let no_days = Calendar { days: vec![], ..office("UTC") };
        assert!(matches!(no_days.check(), Err(CalendarError::NoDays)));
        let no_hours = Calendar { closes: "09:00".parse().unwrap(), ..office("UTC") };
        assert!(matches!(no_hours.check(), Err(CalendarError::NoHours { .. })));
        assert!(matches!(no_hours.due(Timestamp::UNIX_EPOCH, 1), Err(CalendarError::NoHours { .. })));
    }

    #[test]
    fn no_hours_are_due_at_once_or_at_the_next_opening() {
        let calendar = office("UTC");
        assert_eq!(due(&calendar, "2026-03-06T10:00:00Z", 0), "2026-03-06T10:00:00Z");
        assert_eq!(due(&calendar, "2026-03-06T18:00:00Z", 0), "2026-03-09T09:00:00Z");
    }

    #[test]
    fn it_is_read_from_toml() {
        let text = r#"
            time_zone = "UTC"
            opens = "09:00"
            closes = "17:00"
            days = ["monday", "tuesday", "wednesday", "thursday", "friday"]"#;
        assert_eq!(toml::from_str::<Calendar>(text).unwrap(), office("UTC"));
        assert!(toml::from_str::<Calendar>(&text.replace("friday", "freitag")).is_err());
    }
}
