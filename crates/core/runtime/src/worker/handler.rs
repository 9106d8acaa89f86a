//! Handlers, and the events that they consume and emit.

use std::future::Future;

use despatch_contracts::{Emits, Incoming};

use crate::breaker::ExternalProvider;
use crate::db::{ConcurrencyKeys, Reader};
use crate::journal::Attempt;
use crate::policy::Policy;
use crate::worker::tx::Tx;
use crate::worker::verdict::HandlerError;

/// The place on the stream where a handler's consumer begins when it is first created.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum StartAt {
    /// The stream's beginning. The handler also consumes events from before it existed, as far back as the stream goes.
    #[default]
    Beginning,
    /// The moment of the consumer's first creation. The handler never consumes older events. If the consumer is
    /// deleted, the next one begins at the same place, so no event is skipped.
    Creation,
}

/// Handles events without external effects: it only records.
pub trait Handler: Send + Sync + 'static {
    /// `<worker>.<verb>`: the name of the consumer, the journal's key and the metrics' label. To rename a handler, add
    /// the old name to [`FORMER_NAMES`](Handler::FORMER_NAMES). Otherwise every event on the stream is new to the
    /// handler.
    const NAME: &'static str;
    /// Earlier names of the handler, latest first. The handler keeps what was recorded under them and still consumes
    /// their retries and replays. Its consumer begins where the latest of theirs stopped. Stop processes of the old
    /// version before the new one starts. Drop a name once the journal's retention has passed since the rename.
    const FORMER_NAMES: &'static [&'static str] = &[];
    /// The place where the consumer begins.
    const START_AT: StartAt = StartAt::Beginning;
    /// The handler's limits. A deployment can tune them; see [`Settings::policies`](crate::Settings).
    const POLICY: Policy = Policy::DEFAULT;
    /// One event type, or an enum of several.
    type In: Incoming;
    /// The follow-on events: `()`, one event, `Option`, `Vec`, or a tuple of these.
    type Out: Emits;
    /// The possible errors, each with its verdict.
    type Error: HandlerError;

    /// Returns the keys that the event serialises on, by default its subject. An event without a subject serialises on
    /// nothing.
    fn keys(&self, event: &Self::In) -> ConcurrencyKeys {
        ConcurrencyKeys::subject(event.subject())
    }

    /// Writes the results of the event and returns its follow-ons.
    ///
    /// The transaction is shared with other events. `record` runs after every earlier event that shares one of its
    /// keys. It may run again from the start: when the transaction could not be kept, or when it had read before an
    /// earlier event was done. So it must have no effect except through `tx`, and must use the reading methods of `tx`
    /// to read and the writing methods to write.
    fn record(
        &self,
        event: &Self::In,
        tx: &Tx<'_>,
    ) -> impl Future<Output = Result<Self::Out, Self::Error>> + Send;
}

/// Handles events with an effect at an external provider: a payment gateway, a carrier, a mail server.
///
/// The three steps keep requests to providers out of transactions: `perform` has no access to the database, and
/// `record` sends no requests.
pub trait EffectHandler: Send + Sync + 'static {
    /// The handler's name; see [`Handler::NAME`].
    const NAME: &'static str;
    /// Earlier names; see [`Handler::FORMER_NAMES`].
    const FORMER_NAMES: &'static [&'static str] = &[];
    /// The place where the consumer begins; see [`Handler::START_AT`].
    const START_AT: StartAt = StartAt::Beginning;
    /// The handler's limits; see [`Handler::POLICY`].
    const POLICY: Policy = Policy::DEFAULT;
    /// The provider that it asks, if events wait for the end of its outages; see [`Verdict::Down`](crate::Verdict::Down).
    const PROVIDER: Option<ExternalProvider> = None;
    /// The consumed events; see [`Handler::In`].
    type In: Incoming;
    /// The decision of `prepare`; it may be that nothing is left to do.
    type Plan: Send + Sync + 'static;
    /// The provider's answer.
    type Response: Send + Sync + 'static;
    /// The follow-on events; see [`Handler::Out`].
    type Out: Emits;
    /// The possible errors; see [`Handler::Error`].
    type Error: HandlerError;

    /// Returns the keys that the event serialises on; see [`Handler::keys`].
    fn keys(&self, event: &Self::In) -> ConcurrencyKeys {
        ConcurrencyKeys::subject(event.subject())
    }

    /// Decides what to do, from the current state. Reads only.
    fn prepare(
        &self,
        event: &Self::In,
        db: &Reader<'_>,
    ) -> impl Future<Output = Result<Self::Plan, Self::Error>> + Send;

    /// Returns whether performing this plan asks the provider. One that does not is performed during an outage too.
    fn asks_provider(&self, plan: &Self::Plan) -> bool {
        let _ = plan;
        true
    }

    /// Asks the provider. Runs concurrently with other events and with no transaction open. It runs again after a crash
    /// or for a retry, so take the idempotency key from the attempt's [ledger](Attempt::begin).
    fn perform(
        &self,
        plan: &Self::Plan,
        attempt: &Attempt,
    ) -> impl Future<Output = Result<Self::Response, Self::Error>> + Send;

    /// Writes the results of the answer and returns the follow-ons; see [`Handler::record`].
    fn record(
        &self,
        event: &Self::In,
        plan: &Self::Plan,
        effect: &Self::Response,
        tx: &Tx<'_>,
    ) -> impl Future<Output = Result<Self::Out, Self::Error>> + Send;
}
