//! When a team works, and by when something is due that takes it so many hours.

use jiff::civil::{Time, Weekday};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;

/// Working hours of a week; the same on each working day.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Calendar {
    /// An IANA name, e.g. `Europe/London`.
    pub time_zone: String,
    /// Local time, e.g. `09:00`.
    pub opens: Time,
    /// Local time on the same day.
    pub closes: Time,
    /// The working days.
    pub days: Vec<Day>,
}

/// A day of the week.
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

/// What is wrong with a calendar.
#[derive(Debug, thiserror::Error)]
pub enum CalendarError {
    /// The time zone database does not list it.
    #[error("exceptions.calendar.time_zone: expected a name like Europe/London, found {0:?}")]
    TimeZone(String),
    /// No time is working time.
    #[error(
        "exceptions.calendar: expected at least one day and closes after opens, found {0} days, {1} to {2}"
    )]
    Closed(usize, Time, Time),
    /// The sum is out of range.
    #[error("exceptions.calendar: {0}")]
    Range(#[from] jiff::Error),
}

impl Calendar {
    /// Whether anything can ever come due.
    pub(crate) fn check(&self) -> Result<(), CalendarError> {
        self.zone()?;
        if self.days.is_empty() || self.opens >= self.closes {
            return Err(CalendarError::Closed(self.days.len(), self.opens, self.closes));
        }
        Ok(())
    }

    /// The end of so many working hours from an instant on.
    pub(crate) fn due(&self, from: Timestamp, hours: u32) -> Result<Timestamp, CalendarError> {
        let zone = self.zone()?;
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

    fn zone(&self) -> Result<TimeZone, CalendarError> {
        TimeZone::get(&self.time_zone).map_err(|_| CalendarError::TimeZone(self.time_zone.clone()))
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
        assert!(Calendar { days: vec![], ..office("UTC") }.check().is_err());
        assert!(Calendar { closes: "09:00".parse().unwrap(), ..office("UTC") }.check().is_err());
    }
}
