//! The result of examining one thing.

use std::time::Duration;

/// How long a server may take for its first answer.
pub(crate) const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);

/// How long all of a server's examination may take.
const EXAMINATION_TIMEOUT: Duration = Duration::from_secs(30);

/// The result of examining one thing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// The group: `NATS`, `PostgreSQL`, `providers`, `processes`, `configuration` or a worker.
    pub group: String,
    /// The examined thing, e.g. `consumer orders-accept`.
    pub subject: String,
    /// The severity.
    pub grade: Grade,
    /// The state found.
    pub found: String,
    /// The state expected.
    pub expected: String,
    /// The remedy; `None` if the state is as expected.
    pub advice: Option<String>,
}

/// The severity of a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Grade {
    /// As it should be.
    Ok,
    /// Orders go on, but somebody should look.
    Warning,
    /// Something does not work, or is not safe.
    Failed,
}

impl Check {
    /// Something that is as it should be.
    pub fn ok(subject: impl Into<String>, found: impl Into<String>, expected: impl Into<String>) -> Self {
        let (subject, found, expected) = (subject.into(), found.into(), expected.into());
        Check { group: String::new(), subject, grade: Grade::Ok, found, expected, advice: None }
    }

    /// The same thing, among what it belongs to.
    #[must_use]
    pub fn of(self, group: impl Into<String>) -> Self {
        Check { group: group.into(), ..self }
    }

    /// The same thing, found to be otherwise.
    #[must_use]
    pub fn but(self, grade: Grade, advice: impl Into<String>) -> Self {
        Check { grade, advice: Some(advice.into()), ..self }
    }
}

/// Runs an examination with a time limit. Keeps the results up to then.
pub(crate) async fn bounded(
    subject: &str,
    checks: &mut Vec<Check>,
    examination: impl AsyncFnOnce(&mut Vec<Check>),
) {
    if tokio::time::timeout(EXAMINATION_TIMEOUT, examination(checks)).await.is_err() {
        let expected = format!("everything answered within {EXAMINATION_TIMEOUT:?}");
        let late = Check::ok(subject, "it stopped answering", expected);
        checks.push(late.but(Grade::Failed, "Look at the server's log and load."));
    }
}

/// A hint as advice: it begins with a capital and ends with a full stop.
pub(crate) fn sentence(hint: &str) -> String {
    let mut letters = hint.chars();
    let first = letters.next().map(|letter| letter.to_ascii_uppercase());
    first.into_iter().chain(letters).chain(['.']).collect()
}

/// A length of time for people, e.g. `3h 20m`.
pub(crate) fn span(time: Duration) -> String {
    let seconds = time.as_secs();
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds}s"),
        (0, 0, minutes) => format!("{minutes}m {}s", seconds % 60),
        (0, hours, minutes) => format!("{hours}h {minutes}m"),
        (days, hours, _) => format!("{days}d {hours}h"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_for_people() {
        let said = [7, 125, 12_000, 200_000].map(|seconds| span(Duration::from_secs(seconds)));
        assert_eq!(said, ["7s", "2m 5s", "3h 20m", "2d 7h"]);
    }
}
