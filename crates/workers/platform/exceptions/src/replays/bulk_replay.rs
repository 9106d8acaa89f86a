//! A replay of many cases: what a job is, and what it does next.

use std::error::Error;
use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;
use tokio_postgres::types::{FromSql, Type};
use uuid::Uuid;

/// The most that are replayed in one turn: they go out together.
const TURN: u32 = 200;

/// How soon after a turn the next one is.
const PACE: Duration = Duration::from_millis(250);

/// How long a job that finds nothing to do waits at most before it looks again.
const LONGEST_WAIT: Duration = Duration::from_secs(8);

/// A step, however large, is judged as though it had at most this many: poison shows before it has gone far.
const JUDGED: u32 = 100;

/// How a job goes through its set.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Terms {
    /// How many are replayed, and waited for, before more are: each step once, then all the rest.
    pub canary: Vec<u32>,
    /// How many are replayed in a second at most.
    pub per_second: f64,
    /// A step of which more than this share fails stops the job; between 0 and 1.
    pub stop_above: f64,
}

impl Default for Terms {
    fn default() -> Self {
        Terms { canary: vec![1, 10, 100], per_second: 50.0, stop_above: 0.1 }
    }
}

/// Where a job stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum JobState {
    /// Its set is frozen, and nothing has been done yet.
    Frozen,
    /// Under way.
    Running,
    /// Somebody paused it.
    Paused,
    /// It stopped by itself: too many failed.
    Stopped,
    /// Somebody cancelled it. What was under way then ends by itself.
    Cancelled,
    /// Every case of the set has a result.
    Finished,
}

impl JobState {
    const ALL: [JobState; 6] = [
        JobState::Frozen,
        JobState::Running,
        JobState::Paused,
        JobState::Stopped,
        JobState::Cancelled,
        JobState::Finished,
    ];

    /// The name, as it stands in tables and answers.
    pub const fn name(self) -> &'static str {
        match self {
            JobState::Frozen => "frozen",
            JobState::Running => "running",
            JobState::Paused => "paused",
            JobState::Stopped => "stopped",
            JobState::Cancelled => "cancelled",
            JobState::Finished => "finished",
        }
    }
}

impl<'a> FromSql<'a> for JobState {
    fn from_sql(ty: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn Error + Sync + Send>> {
        let name = <&str>::from_sql(ty, raw)?;
        let state = JobState::ALL.into_iter().find(|state| state.name() == name);
        state.ok_or_else(|| format!("{name:?} is no state of a job").into())
    }

    fn accepts(ty: &Type) -> bool {
        <&str as FromSql>::accepts(ty)
    }
}

/// A job, and how far it is.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Job {
    /// Counted from 1.
    pub id: i64,
    /// Who froze its set.
    pub who: String,
    /// The filter that the set was made by, in words.
    pub asked: String,
    /// Where it stands.
    pub state: JobState,
    /// Why it stopped by itself.
    pub why: String,
    /// How it goes through its set.
    #[serde(flatten)]
    pub terms: Terms,
    /// When its set was frozen.
    pub created_at: Timestamp,
    /// When anything last happened to it.
    pub updated_at: Timestamp,
    /// What has become of its cases.
    #[serde(flatten)]
    pub tally: Tally,
}

/// How many of a job's cases stand where.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Tally {
    /// Not replayed yet.
    pub pending: i64,
    /// Replayed, and without an outcome yet.
    pub sent: i64,
    /// Handled by the replay.
    pub succeeded: i64,
    /// Failed again.
    pub failed: i64,
    /// Not replayed, since the case had changed.
    pub skipped: i64,
    /// Not replayed, since the job was cancelled.
    pub cancelled: i64,
}

impl Tally {
    /// How many cases the set has.
    pub fn total(&self) -> i64 {
        let Tally { pending, sent, succeeded, failed, skipped, cancelled } = self;
        pending + sent + succeeded + failed + skipped + cancelled
    }
}

/// A case of a job's set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Item {
    /// Its place in the set, from 1.
    pub seq: i32,
    /// The handler.
    pub handler: String,
    /// The event.
    pub event_id: Uuid,
    /// `pending`, `sent`, `succeeded`, `failed`, `skipped` or `cancelled`.
    pub state: String,
    /// Why it was skipped, or the reason code of its failure.
    pub result: String,
}

/// What a decision about a job was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct JobEntry {
    /// When.
    pub at: Timestamp,
    /// A person, or `exceptions.advance`.
    pub who: String,
    /// `frozen`, `started`, `paused`, `resumed`, `stopped`, `cancelled` or `finished`.
    pub kind: String,
    /// Why, where that is known.
    pub detail: String,
}

/// The step that a running job is at.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Step {
    /// How many the step has; `None` for all the rest.
    pub(crate) size: Option<u32>,
    /// How many of it have been replayed.
    pub(crate) handed: u32,
    /// How many of these have no outcome yet.
    pub(crate) under_way: u32,
    /// How many of these failed again.
    pub(crate) failed: u32,
    /// Whether any case is left to replay.
    pub(crate) pending: bool,
    /// Whether any case has no outcome yet, of earlier steps too.
    pub(crate) outstanding: bool,
    /// How long ago any were replayed, in seconds; `None` for the first.
    pub(crate) since: Option<f64>,
}

/// What a job does next.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Move {
    /// Replays up to so many.
    Replay(u32),
    /// Looks again later.
    Wait,
    /// Goes on to the next step.
    Step,
    /// Stops, and says why.
    Stop(String),
    /// Is done.
    Finish,
}

impl Terms {
    /// What to do at a step.
    pub(crate) fn next(&self, step: &Step) -> Move {
        let Step { size, handed, under_way, failed, pending, outstanding, since } = *step;
        let whole = size.unwrap_or(u32::MAX).min(JUDGED);
        let judged = (handed - under_way.min(handed)).max(whole);
        if failed > 0 && f64::from(failed) / f64::from(judged) > self.stop_above {
            return Move::Stop(format!("{failed} of a step failed again"));
        }
        if !pending {
            return if outstanding { Move::Wait } else { Move::Finish };
        }
        let room = size.unwrap_or(u32::MAX).saturating_sub(handed);
        if room == 0 {
            return if under_way == 0 { Move::Step } else { Move::Wait };
        }
        match self.allowance(since).min(room) {
            0 => Move::Wait,
            count => Move::Replay(count),
        }
    }

    /// How many the rate allows after so many seconds without any.
    fn allowance(&self, since: Option<f64>) -> u32 {
        // The first of all has nothing to wait for; unused time is not saved up.
        let Some(since) = since else { return 1 };
        let allowed = self.per_second * since.min(1.0f64.max(1.0 / self.per_second));
        // Saturates, which the cap allows.
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "positive, and capped")]
        let allowed = allowed as u32;
        allowed.min(TURN)
    }
}

/// How soon a job looks again that has found nothing to do so many times.
pub(crate) fn wait(idle: u32) -> Duration {
    (PACE * 2u32.saturating_pow(idle)).min(LONGEST_WAIT)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step() -> Step {
        Step {
            size: Some(10),
            handed: 10,
            under_way: 0,
            failed: 0,
            pending: true,
            outstanding: false,
            since: Some(10.0),
        }
    }

    #[test]
    fn a_step_is_waited_for_before_the_next_one() {
        let terms = Terms::default();
        assert_eq!(terms.next(&Step { handed: 0, since: None, ..step() }), Move::Replay(1));
        assert_eq!(terms.next(&Step { handed: 3, ..step() }), Move::Replay(7));
        assert_eq!(terms.next(&Step { under_way: 1, outstanding: true, ..step() }), Move::Wait);
        assert_eq!(terms.next(&step()), Move::Step);
        assert_eq!(terms.next(&Step { size: None, handed: 5000, ..step() }), Move::Replay(50));
    }

    #[test]
    fn the_last_outcome_ends_the_job() {
        let terms = Terms::default();
        assert_eq!(terms.next(&Step { pending: false, outstanding: true, ..step() }), Move::Wait);
        assert_eq!(terms.next(&Step { pending: false, ..step() }), Move::Finish);
    }

    #[test]
    fn too_many_failures_stop_it_and_no_more_than_that_is_needed() {
        let terms = Terms::default();
        let stops = |step: &Step| matches!(terms.next(step), Move::Stop(_));
        assert!(stops(&Step { size: Some(1), handed: 1, failed: 1, ..step() }));
        assert!(!stops(&Step { failed: 1, ..step() }));
        assert!(stops(&Step { handed: 3, failed: 2, ..step() }), "before the step is over");
        let rest = Step { size: None, handed: 2000, under_way: 1900, outstanding: true, ..step() };
        assert!(!stops(&Step { failed: 10, ..rest.clone() }));
        assert!(stops(&Step { failed: 11, ..rest }));
        let strict = Terms { stop_above: 0.0, ..Terms::default() };
        assert!(matches!(strict.next(&Step { failed: 1, ..step() }), Move::Stop(_)));
    }

    #[test]
    fn the_rate_is_kept_and_time_is_not_saved_up() {
        let terms = Terms { per_second: 20.0, ..Terms::default() };
        let rest = Step { size: None, handed: 500, ..step() };
        assert_eq!(terms.next(&Step { since: Some(0.5), ..rest.clone() }), Move::Replay(10));
        assert_eq!(terms.next(&Step { since: Some(0.01), ..rest.clone() }), Move::Wait);
        assert_eq!(terms.next(&Step { since: Some(3600.0), ..rest.clone() }), Move::Replay(20));
        let slow = Terms { per_second: 0.1, ..Terms::default() };
        assert_eq!(slow.next(&Step { since: Some(9.0), ..rest.clone() }), Move::Wait);
        assert_eq!(slow.next(&Step { since: Some(11.0), ..rest }), Move::Replay(1));
    }
}
