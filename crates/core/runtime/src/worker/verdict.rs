//! Verdicts: a handler's error decides how its event goes on.

use std::time::Duration;

use despatch_domain::Reason;

use crate::db::DbError;
use crate::error::chain;

/// An error that knows how its event goes on.
///
/// A handler need not handle a failed statement. The runtime reruns or splits the batch, and the verdict on the
/// [`DbError`] counts only if the event fails alone.
pub trait HandlerError: std::error::Error + From<DbError> + Send + Sync + 'static {
    /// Returns how the event goes on.
    fn verdict(&self) -> Verdict;
}

/// The error of a handler that only its database can fail.
impl HandlerError for DbError {
    fn verdict(&self) -> Verdict {
        Verdict::Retry
    }
}

/// How an unhandled event goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Try again, later each time, until the attempts are used up.
    Retry,
    /// Try again no sooner than this, as the provider asked.
    RetryAfter(Duration),
    /// Handle again after the policy's [`not_yet`](crate::Policy::not_yet), because the event came too early: an event
    /// that it depends on has not arrived. Costs no attempt; ends at the policy's deadline.
    NotYet,
    /// Handle again after this long; otherwise as [`NotYet`](Verdict::NotYet).
    Defer(Duration),
    /// The provider refuses our credentials: the deployment's fault, not the event's. Costs no attempt. After a few in a
    /// row the provider's breaker opens, and its events wait until it accepts us.
    Refused,
    /// The provider is not reached, does not answer, fails, or wants fewer requests for this long (zero if it does not
    /// say). Costs no attempt. After several in a row the provider's breaker opens. While it serves others, the event
    /// becomes dead in the end: after days at a mail server, after hours elsewhere.
    Down(Duration),
    /// The provider puts off this event alone, such as a mail server that knows the recipient's sender not yet
    /// (greylisting). Costs no attempt; ends as [`Down`](Verdict::Down).
    PutOff,
    /// Do not try again: a person decides.
    Reject(Reason),
}

/// The error of an unhandled event, with its verdict.
#[derive(Debug, Clone)]
pub(crate) struct Failed {
    pub(crate) error: String,
    pub(crate) verdict: Verdict,
}

impl<E: HandlerError> From<E> for Failed {
    fn from(error: E) -> Self {
        Failed { verdict: error.verdict(), error: chain(&error) }
    }
}
