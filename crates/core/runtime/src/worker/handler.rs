//! What a worker's author writes: handlers, with the events that they consume and emit.

use std::future::Future;

use despatch_contracts::{Emits, Incoming};

use crate::db::{ConcurrencyKeys, Reader};
use crate::journal::Attempt;
use crate::policy::Policy;
use crate::worker::tx::Tx;
use crate::worker::verdict::HandlerError;

/// Where on the stream a handler's consumer begins when it is first created.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum StartAt {
    /// The stream's beginning: the handler consumes what happened before it existed, as far back as the stream goes.
    #[default]
    Beginning,
    /// The moment of its first creation: what is older is none of the handler's business. If its consumer is deleted, the
    /// next one begins there too, so nothing is passed over.
    Creation,
}

/// Handles events without asking an external provider: it only records.
pub trait Handler: Send + Sync + 'static {
    /// `<worker>.<verb>`: the consumer's name, the journal's key, the metric's label. To change it, add the old name to
    /// [`FORMER_NAMES`](Handler::FORMER_NAMES): otherwise every event on the stream is new to the handler.
    const NAME: &'static str;
    /// Names that the handler had before, latest first. What was recorded under them counts, their retries and replays are
    /// still consumed, and its consumer begins where the latest of theirs had come to. Stop processes of the old version
    /// before the new one starts. A name can be dropped once the journal's retention has passed since the rename.
    const FORMER_NAMES: &'static [&'static str] = &[];
    /// Where its consumer begins.
    const START_AT: StartAt = StartAt::Beginning;
    /// How often to try and how much at once. A deployment can tune it; see [`Settings::policies`](crate::Settings).
    const POLICY: Policy = Policy::DEFAULT;
    /// One event type, or an enum of several.
    type In: Incoming;
    /// The follow-on events: `()`, one, `Option`, `Vec`, or a tuple of these.
    type Out: Emits;
    /// What can go wrong, each with its verdict.
    type Error: HandlerError;

    /// What the event serialises on; by default its subject. An event without a subject serialises on nothing.
    fn keys(&self, event: &Self::In) -> ConcurrencyKeys {
        ConcurrencyKeys::subject(event.subject())
    }

    /// Writes what follows from the event. Runs in a transaction that it shares with other events, after every earlier
    /// event that shares one of its keys. It may run again from the start, when the transaction could not be kept, or
    /// when it had begun to read before an earlier event was done: so it has no effect but through `tx`, and reads and
    /// writes with what `tx` has for either.
    fn record(
        &self,
        event: &Self::In,
        tx: &Tx<'_>,
    ) -> impl Future<Output = Result<Self::Out, Self::Error>> + Send;
}

/// Handles events with an effect at an external provider: a payment gateway, a carrier, a mail server.
///
/// The three steps keep requests to providers out of transactions: nothing in reach of `perform` can write to the
/// database, and `record` sends no requests.
pub trait EffectHandler: Send + Sync + 'static {
    /// As [`Handler::NAME`].
    const NAME: &'static str;
    /// As [`Handler::FORMER_NAMES`].
    const FORMER_NAMES: &'static [&'static str] = &[];
    /// As [`Handler::START_AT`].
    const START_AT: StartAt = StartAt::Beginning;
    /// As [`Handler::POLICY`].
    const POLICY: Policy = Policy::DEFAULT;
    /// As [`Handler::In`].
    type In: Incoming;
    /// What `prepare` decided; may say that nothing is to be done.
    type Plan: Send + Sync + 'static;
    /// What the provider answered.
    type Response: Send + Sync + 'static;
    /// As [`Handler::Out`].
    type Out: Emits;
    /// As [`Handler::Error`].
    type Error: HandlerError;

    /// As [`Handler::keys`].
    fn keys(&self, event: &Self::In) -> ConcurrencyKeys {
        ConcurrencyKeys::subject(event.subject())
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
