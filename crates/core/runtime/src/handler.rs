//! What a worker's author writes: a handler, the events it hears and emits, and what its errors mean.

use std::future::Future;
use std::time::Duration;

use despatch_contracts::{Emits, Incoming};
use despatch_domain::Reason;

use crate::database::{DbError, Reader};
use crate::effects::Attempt;
use crate::keys::ConcurrencyKeys;
use crate::tx::Tx;

/// Handles events without asking anything outside: it only records.
pub trait Handler: Send + Sync + 'static {
    /// `<worker>.<verb>`: the consumer's name, the journal's key, the metric's label. Changing it makes every event new.
    const NAME: &'static str;
    /// How often to try and how much at once.
    const POLICY: Policy = Policy::DEFAULT;
    /// One event type, or an enum of several.
    type In: Incoming;
    /// The follow-on events: `()`, one, `Option`, `Vec`, or a tuple of these.
    type Out: Emits;
    /// What can go wrong, each with its verdict.
    type Error: HandlerError;

    /// What the event contends on; by default its order.
    fn keys(&self, event: &Self::In) -> ConcurrencyKeys {
        ConcurrencyKeys::order(event.order_id())
    }

    /// Writes what follows from the event. Runs in a transaction that it shares with other events, after every earlier
    /// event that contends on one of its keys. It may run again from the start, when the transaction could not be kept, or
    /// when it had begun to read before an earlier event was done: so it has no effect but through `tx`, and reads and
    /// writes with what `tx` has for either.
    fn record(
        &self,
        event: &Self::In,
        tx: &Tx<'_>,
    ) -> impl Future<Output = Result<Self::Out, Self::Error>> + Send;
}

/// Handles events that ask something of the outside: a payment gateway, a carrier, a mail server.
///
/// The three steps keep calls to the outside out of transactions: nothing in reach of `perform` can write to the
/// database, nothing in reach of `record` should call out.
pub trait EffectHandler: Send + Sync + 'static {
    /// As [`Handler::NAME`].
    const NAME: &'static str;
    /// As [`Handler::POLICY`].
    const POLICY: Policy = Policy::DEFAULT;
    /// As [`Handler::In`].
    type In: Incoming;
    /// What `prepare` decided; may say that nothing is to be done.
    type Plan: Send + Sync + 'static;
    /// What the outside answered.
    type Response: Send + Sync + 'static;
    /// As [`Handler::Out`].
    type Out: Emits;
    /// As [`Handler::Error`].
    type Error: HandlerError;

    /// As [`Handler::keys`].
    fn keys(&self, event: &Self::In) -> ConcurrencyKeys {
        ConcurrencyKeys::order(event.order_id())
    }

    /// Decides what is to be done, given what is already known. Reads only.
    fn prepare(
        &self,
        event: &Self::In,
        db: &Reader<'_>,
    ) -> impl Future<Output = Result<Self::Plan, Self::Error>> + Send;

    /// Does it. Runs concurrently with other events, with no transaction open, and again after any crash or retry: the
    /// attempt's [ledger](Attempt::begin) gives the idempotency key.
    fn perform(
        &self,
        plan: &Self::Plan,
        attempt: &Attempt,
    ) -> impl Future<Output = Result<Self::Response, Self::Error>> + Send;

    /// Writes what follows from the answer; see [`Handler::record`].
    fn record(
        &self,
        event: &Self::In,
        plan: &Self::Plan,
        effect: &Self::Response,
        tx: &Tx<'_>,
    ) -> impl Future<Output = Result<Self::Out, Self::Error>> + Send;
}

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
    /// Not yet: what the event builds on has not arrived. Costs no attempt; ends at the policy's deadline.
    Defer(Duration),
    /// Never by itself: a person decides.
    Reject(Reason),
}

/// How often to try and how much at once.
#[derive(Debug, Clone, Copy)]
pub struct Policy {
    /// Tries before the event is dead, the first included.
    pub attempts: u32,
    /// The wait before the second try; it doubles each time, with jitter.
    pub first_retry: Duration,
    /// The longest wait between two tries.
    pub longest_retry: Duration,
    /// How long an event may be deferred before it is dead.
    pub defer_deadline: Duration,
    /// The most events recorded in one transaction.
    pub batch: usize,
    /// The most events performed at once.
    pub concurrency: usize,
    /// Starts without an outcome before a redelivered event counts as a process killer.
    pub max_crashes: u32,
}

impl Policy {
    /// 8 attempts from 1 s to 5 min apart, deferrals for an hour, batches of up to 256, 64 performed at once.
    pub const DEFAULT: Policy = Policy {
        attempts: 8,
        first_retry: Duration::from_secs(1),
        longest_retry: Duration::from_secs(300),
        defer_deadline: Duration::from_secs(3600),
        batch: 256,
        concurrency: 64,
        max_crashes: 3,
    };
}
