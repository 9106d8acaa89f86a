//! What an error of a handler means: what is to happen with the event.

use std::time::Duration;

use despatch_domain::Reason;

use crate::db::DbError;
use crate::error::chain;

/// An error that knows what is to be done about it.
///
/// A failed statement needs no thought from a handler: the runtime itself reruns or splits the batch, and only when
/// the event fails alone does the verdict on its [`DbError`] count.
pub trait HandlerError: std::error::Error + From<DbError> + Send + Sync + 'static {
    /// What is to happen with the event.
    fn verdict(&self) -> Verdict;
}

/// For a handler that nothing but its database can fail.
impl HandlerError for DbError {
    fn verdict(&self) -> Verdict {
        Verdict::Retry
    }
}

/// What is to happen with an event that was not handled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Try again, later each time, until the attempts are used up.
    Retry,
    /// Try again no sooner than this, as the other side asked.
    RetryAfter(Duration),
    /// The event came too early: what it builds on has not arrived. It is looked at again after the policy's
    /// [`not_yet`](crate::Policy::not_yet). Costs no attempt; ends at the policy's deadline.
    NotYet,
    /// As [`NotYet`](Verdict::NotYet), after this long.
    Defer(Duration),
    /// Do not try again: a person decides.
    Reject(Reason),
}

/// Why an event was not handled, and what is to happen with it.
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
