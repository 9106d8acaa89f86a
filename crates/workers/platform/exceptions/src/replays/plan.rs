//! The plan of a bulk replay: a canary, a rate and a limit for failures.

use std::time::Duration;

use serde::Serialize;

/// The most cases that one tick replays: they are published together.
const MOST_PER_TICK: u32 = 200;

/// The time between two ticks that both find something to do.
const TICK_INTERVAL: Duration = Duration::from_millis(250);

/// The longest time until a bulk replay that waits looks again.
const LONGEST_TICK_INTERVAL: Duration = Duration::from_secs(8);

/// A step, however large, is judged as if it had at most this many cases, so that it stops early.
const MOST_JUDGED: u32 = 100;

/// How a bulk replay goes through its set.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ReplayPlan {
    /// The sizes of the first steps, each at least 1. A step begins when every case of the step before it has an outcome.
    /// The last step is all the rest.
    pub canary: Vec<u32>,
    /// The most cases to replay in a second; above 0.
    pub per_second: f64,
    /// The share of a step, between 0 and 1, above which failures stop the bulk replay.
    pub stop_above: f64,
}

impl Default for ReplayPlan {
    fn default() -> Self {
        ReplayPlan { canary: vec![1, 10, 100], per_second: 50.0, stop_above: 0.1 }
    }
}

/// How far the current step is.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct StepProgress {
    /// The step's size; `None` for all the rest.
    pub(super) size: Option<u32>,
    /// How many of its cases have been replayed.
    pub(super) sent: u32,
    /// How many of these have no outcome yet.
    pub(super) in_flight: u32,
    /// How many of these failed again.
    pub(super) failed: u32,
    /// Whether any case of the set is left to replay.
    pub(super) pending: bool,
    /// Whether any case has no outcome yet, in this step or in an earlier one.
    pub(super) outstanding: bool,
    /// Seconds since the last case was replayed; `None` before the first.
    pub(super) since_last_sent: Option<f64>,
}

/// The next action of a bulk replay.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum NextAction {
    /// Replay at most this many cases.
    Replay(u32),
    /// Look again later.
    Wait,
    /// Begin the next step.
    BeginStep,
    /// Stop, for this reason.
    Stop(String),
    /// Finish: every case has an outcome.
    Finish,
}

/// A field of a plan has a value with which a bulk replay cannot run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: expected {expected}, found {found}")]
pub struct InvalidPlan {
    /// The field.
    pub field: &'static str,
    /// The values that it accepts.
    pub expected: &'static str,
    /// The value that it has.
    pub found: String,
}

impl ReplayPlan {
    /// Checks every field.
    pub(super) fn check(&self) -> Result<(), InvalidPlan> {
        let Self { canary, per_second, stop_above } = self;
        let invalid = |field, expected, found| Err(InvalidPlan { field, expected, found });
        if canary.contains(&0) {
            return invalid("canary", "steps of at least 1", format!("{canary:?}"));
        }
        if !(per_second.is_finite() && *per_second > 0.0) {
            return invalid("per_second", "a rate above 0", per_second.to_string());
        }
        if !(0.0..=1.0).contains(stop_above) {
            return invalid("stop_above", "a share between 0 and 1", stop_above.to_string());
        }
        Ok(())
    }

    /// The next action in a step.
    pub(super) fn next(&self, step: &StepProgress) -> NextAction {
        let StepProgress { size, sent, in_flight, failed, pending, outstanding, since_last_sent } = *step;
        let whole = size.unwrap_or(u32::MAX).min(MOST_JUDGED);
        let judged = (sent - in_flight.min(sent)).max(whole);
        if failed > 0 && f64::from(failed) / f64::from(judged) > self.stop_above {
            return NextAction::Stop(format!("{failed} of a step failed again"));
        }
        if !pending {
            return if outstanding { NextAction::Wait } else { NextAction::Finish };
        }
        let room = size.unwrap_or(u32::MAX).saturating_sub(sent);
        if room == 0 {
            return if in_flight == 0 { NextAction::BeginStep } else { NextAction::Wait };
        }
        match self.allowance(since_last_sent).min(room) {
            0 => NextAction::Wait,
            count => NextAction::Replay(count),
        }
    }

    /// How many cases the rate allows after this many seconds without any.
    fn allowance(&self, seconds: Option<f64>) -> u32 {
        // The very first case need not wait. Unused time does not add up.
        let Some(seconds) = seconds else { return 1 };
        let allowed = self.per_second * seconds.min(1.0f64.max(1.0 / self.per_second));
        // Saturates, which the cap allows.
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "positive, and capped")]
        let allowed = allowed as u32;
        allowed.min(MOST_PER_TICK)
    }
}

/// The time until the next tick after this many idle ticks in a row: a bulk replay that waits looks ever more rarely.
pub(super) fn time_to_next_tick(idle_ticks: u32) -> Duration {
    (TICK_INTERVAL * 2u32.saturating_pow(idle_ticks)).min(LONGEST_TICK_INTERVAL)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step() -> StepProgress {
        StepProgress {
            size: Some(10),
            sent: 10,
            in_flight: 0,
            failed: 0,
            pending: true,
            outstanding: false,
            since_last_sent: Some(10.0),
        }
    }

    #[test]
    fn the_next_step_waits_for_every_outcome() {
        let plan = ReplayPlan::default();
        assert_eq!(
            plan.next(&StepProgress { sent: 0, since_last_sent: None, ..step() }),
            NextAction::Replay(1)
        );
        assert_eq!(plan.next(&StepProgress { sent: 3, ..step() }), NextAction::Replay(7));
        assert_eq!(plan.next(&StepProgress { in_flight: 1, outstanding: true, ..step() }), NextAction::Wait);
        assert_eq!(plan.next(&step()), NextAction::BeginStep);
        assert_eq!(plan.next(&StepProgress { size: None, sent: 5000, ..step() }), NextAction::Replay(50));
    }

    #[test]
    fn the_last_outcome_finishes_it() {
        let plan = ReplayPlan::default();
        assert_eq!(
            plan.next(&StepProgress { pending: false, outstanding: true, ..step() }),
            NextAction::Wait
        );
        assert_eq!(plan.next(&StepProgress { pending: false, ..step() }), NextAction::Finish);
    }

    #[test]
    fn it_stops_above_the_share_of_failures_and_not_at_it() {
        let plan = ReplayPlan::default();
        let stops = |step: &StepProgress| matches!(plan.next(step), NextAction::Stop(_));
        assert!(stops(&StepProgress { size: Some(1), sent: 1, failed: 1, ..step() }));
        assert!(!stops(&StepProgress { failed: 1, ..step() }));
        assert!(stops(&StepProgress { sent: 3, failed: 2, ..step() }), "before the step is over");
        let rest = StepProgress { size: None, sent: 2000, in_flight: 1900, outstanding: true, ..step() };
        assert!(!stops(&StepProgress { failed: 10, ..rest.clone() }));
        assert!(stops(&StepProgress { failed: 11, ..rest }));
        let strict = ReplayPlan { stop_above: 0.0, ..ReplayPlan::default() };
        assert!(matches!(strict.next(&StepProgress { failed: 1, ..step() }), NextAction::Stop(_)));
    }

    #[test]
    fn the_rate_is_kept_and_unused_time_does_not_add_up() {
        let plan = ReplayPlan { per_second: 20.0, ..ReplayPlan::default() };
        let rest = StepProgress { size: None, sent: 500, ..step() };
        assert_eq!(
            plan.next(&StepProgress { since_last_sent: Some(0.5), ..rest.clone() }),
            NextAction::Replay(10)
        );
        assert_eq!(
            plan.next(&StepProgress { since_last_sent: Some(0.01), ..rest.clone() }),
            NextAction::Wait
        );
        assert_eq!(
            plan.next(&StepProgress { since_last_sent: Some(3600.0), ..rest.clone() }),
            NextAction::Replay(20)
        );
        let slow = ReplayPlan { per_second: 0.1, ..ReplayPlan::default() };
        assert_eq!(slow.next(&StepProgress { since_last_sent: Some(9.0), ..rest.clone() }), NextAction::Wait);
        assert_eq!(slow.next(&StepProgress { since_last_sent: Some(11.0), ..rest }), NextAction::Replay(1));
    }
}
