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
//! use despatch_calendar::CalendarConfig;
//!
//! let office = CalendarConfig {
//!     time_zone: "Europe/London".into(),
//!     opens: "09:00".into(),
//!     closes: "17:00".into(),
//!     days: ["monday", "tuesday", "wednesday", "thursday", "friday"].map(String::from).into(),
//! };
//! let office = office.calendar().expect("it has working hours");
//! // 2026-03-06 is a Friday: one hour is left that day, and three more are due on Monday.
//! let due = office.due("2026-03-06T16:00:00Z".parse()?, 4)?;
//! assert_eq!(due.to_string(), "2026-03-09T12:00:00Z");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use jiff::civil::{Time, Weekday};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;

/// The working hours of a week as they are configured, not yet checked: the same hours on each working day, without
/// holidays.
///
/// Its form in TOML:
///
/// ```toml
/// time_zone = "Europe/London"
/// opens = "09:00"
/// closes = "17:00"
/// days = ["monday", "tuesday", "wednesday", "thursday", "friday"]
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CalendarConfig {
    /// The zone's IANA name, e.g. `Europe/London`.
    pub time_zone: String,
    /// When work begins: civil time in the zone, e.g. `09:00`.
    pub opens: String,
    /// When work ends: civil time on the same day, after `opens`. A shift across midnight cannot be expressed.
    pub closes: String,
    /// The working days by their English names in lower case, in any order.
    pub days: Vec<String>,
}

/// A fault in a [`CalendarConfig`]. Its message begins with the field and a colon, so a caller can put the path of its
/// configuration before it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CalendarProblem {
    /// The time zone database has no such name.
    #[error("time_zone: expected an IANA name such as Europe/London, found {0:?}")]
    TimeZone(String),
    /// No time of a day.
    #[error("opens: expected a time such as 09:00, found {0:?}")]
    Opens(String),
    /// No time of a day.
    #[error("closes: expected a time such as 17:00, found {0:?}")]
    Closes(String),
    /// Work ends before it begins.
    #[error("closes: expected a time after {opens}, found {closes}")]
    NoHours {
        /// When work begins.
        opens: String,
        /// When work ends.
        closes: String,
    },
    /// No day is a working day.
    #[error("days: expected at least one working day, found none")]
    NoDays,
    /// No day of the week.
    #[error("days[{at}]: expected a day such as monday, found {found:?}")]
    Day {
        /// Its place in the list.
        at: usize,
        /// The text there.
        found: String,
    },
}

/// A due time that is later than a timestamp can be.
#[derive(Debug, thiserror::Error)]
#[error("due time: {0}")]
pub struct OutOfRange(#[from] jiff::Error);

/// The working hours of a week. There are some: a calendar is made by [`CalendarConfig::calendar`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Calendar {
    zone: TimeZone,
    opens: Time,
    closes: Time,
    days: Vec<Weekday>,
}

impl CalendarConfig {
    /// The calendar, or everything that is wrong with its configuration.
    pub fn calendar(&self) -> Result<Calendar, Vec<CalendarProblem>> {
        let mut problems = Vec::new();
        let zone = TimeZone::get(&self.time_zone);
        if zone.is_err() {
            problems.push(CalendarProblem::TimeZone(self.time_zone.clone()));
        }
        let (opens, closes) = (self.opens.parse::<Time>(), self.closes.parse::<Time>());
        if opens.is_err() {
            problems.push(CalendarProblem::Opens(self.opens.clone()));
        }
        if closes.is_err() {
            problems.push(CalendarProblem::Closes(self.closes.clone()));
        }
        if let (Ok(opens), Ok(closes)) = (&opens, &closes)
            && opens >= closes
        {
            let (opens, closes) = (self.opens.clone(), self.closes.clone());
            problems.push(CalendarProblem::NoHours { opens, closes });
        }
        if self.days.is_empty() {
            problems.push(CalendarProblem::NoDays);
        }
        let mut days = Vec::new();
        for (at, name) in self.days.iter().enumerate() {
            match weekday(name) {
                Some(day) => days.push(day),
                None => problems.push(CalendarProblem::Day { at, found: name.clone() }),
            }
        }
        match (zone, opens, closes) {
            (Ok(zone), Ok(opens), Ok(closes)) if problems.is_empty() => {
                Ok(Calendar { zone, opens, closes, days })
            }
            _ => Err(problems),
        }
    }
}

impl Calendar {
    /// Returns the moment when `hours` working hours have passed since `from`.
    ///
    /// Time outside of the working hours does not count: an instant at night counts from the next opening on. Work
    /// that ends exactly at closing time is due then, not on the next morning. With 0 hours the due time is `from`
    /// itself within working hours, else the next opening.
    ///
    /// Fails when the sum is out of a timestamp's range.
    pub fn due(&self, from: Timestamp, hours: u32) -> Result<Timestamp, OutOfRange> {
        let mut left = SignedDuration::from_hours(i64::from(hours));
        let mut date = from.to_zoned(self.zone.clone()).date();
        loop {
            if self.days.contains(&date.weekday()) {
                let opens = date.to_datetime(self.opens).to_zoned(self.zone.clone())?.timestamp();
                let closes = date.to_datetime(self.closes).to_zoned(self.zone.clone())?.timestamp();
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
}

/// A day by its English name in lower case.
fn weekday(name: &str) -> Option<Weekday> {
    let day = match name {
        "monday" => Weekday::Monday,
        "tuesday" => Weekday::Tuesday,
        "wednesday" => Weekday::Wednesday,
        "thursday" => Weekday::Thursday,
        "friday" => Weekday::Friday,
        "saturday" => Weekday::Saturday,
        "sunday" => Weekday::Sunday,
        _ => return None,
    };
    Some(day)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(time_zone: &str) -> CalendarConfig {
        CalendarConfig {
            time_zone: time_zone.into(),
            opens: "09:00".into(),
            closes: "17:00".into(),
            days: ["monday", "tuesday", "wednesday", "thursday", "friday"].map(String::from).into(),
        }
    }

    fn office(time_zone: &str) -> Calendar {
        config(time_zone).calendar().unwrap()
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
    fn everything_that_is_wrong_is_named_by_its_field() {
        let problems = |config: CalendarConfig| -> Vec<String> {
            config.calendar().unwrap_err().iter().map(ToString::to_string).collect()
        };
        let wrong = CalendarConfig {
            time_zone: "Europe/Lodnon".into(),
            opens: "9".into(),
            closes: "17h".into(),
            days: vec!["monday".into(), "freitag".into()],
        };
        let said = [
            r#"time_zone: expected an IANA name such as Europe/London, found "Europe/Lodnon""#,
            r#"opens: expected a time such as 09:00, found "9""#,
            r#"closes: expected a time such as 17:00, found "17h""#,
            r#"days[1]: expected a day such as monday, found "freitag""#,
        ];
        assert_eq!(problems(wrong), said);
        let idle = CalendarConfig { closes: "09:00".into(), days: vec![], ..config("UTC") };
        let said = [
            "closes: expected a time after 09:00, found 09:00",
            "days: expected at least one working day, found none",
        ];
        assert_eq!(problems(idle), said);
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
        assert_eq!(toml::from_str::<CalendarConfig>(text).unwrap(), config("UTC"));
    }
}
