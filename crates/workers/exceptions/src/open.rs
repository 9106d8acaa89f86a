//! `exceptions.open`: a dead letter opens a case, or opens it again.

use std::time::Duration;

use despatch_contracts::runtime::DeadLetter;
use despatch_contracts::{EventId, Trace};
use despatch_domain::{Care, Reason};
use despatch_runtime::{DbError, Fault, Handler, Keys, Tx, Verdict};
use jiff::Timestamp;
use prost::Message as _;
use uuid::Uuid;

use crate::calendar::{Calendar, CalendarError};
use crate::store::{self, Failure};
use crate::watch;

/// Keeps cases.
pub(crate) struct Open {
    pub(crate) calendar: Calendar,
    /// How often what failed is looked over.
    pub(crate) watch_every: Duration,
}

/// Why a dead letter is no case. It stays in this worker's journal: a dead letter of a dead letter would only come back.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OpenError {
    #[error("event_id: expected a UUID, found {0:?}")]
    NoEvent(String),
    #[error(transparent)]
    Calendar(#[from] CalendarError),
    #[error(transparent)]
    Database(#[from] DbError),
}

impl Fault for OpenError {
    fn verdict(&self) -> Verdict {
        match self {
            OpenError::NoEvent(_) => Verdict::Reject(Reason::PayloadUndecodable),
            OpenError::Calendar(_) | OpenError::Database(_) => Verdict::Retry,
        }
    }
}

/// What two handlers of this worker contend on: the case. Its order may be unknown.
pub(crate) fn keys(handler: &str, event_id: &str) -> Keys {
    Keys::none().and("case", &format!("{handler} {event_id}"))
}

/// The event's id, if it is one.
pub(crate) fn event_id(text: &str) -> Option<Uuid> {
    EventId::parse(text).map(EventId::uuid)
}

impl Handler for Open {
    const NAME: &'static str = "exceptions.open";
    type In = DeadLetter;
    type Out = ();
    type Error = OpenError;

    fn keys(&self, letter: &DeadLetter) -> Keys {
        keys(&letter.handler, &letter.event_id)
    }

    async fn record(&self, letter: &DeadLetter, tx: &Tx<'_>) -> Result<(), OpenError> {
        let id = event_id(&letter.event_id).ok_or_else(|| OpenError::NoEvent(letter.event_id.clone()))?;
        // A newer build may give reasons that this one does not know.
        let care = Reason::parse(&letter.reason).and_then(Reason::care).unwrap_or(Care::UNKNOWN);
        let last = letter.failures.last();
        let failed_at = last.and_then(|failure| failure.at.as_ref());
        let failed_at = failed_at.and_then(|at| Timestamp::new(at.seconds, at.nanos).ok());
        let due = self.calendar.due(failed_at.unwrap_or_else(Timestamp::now), care.hours)?;
        let event = letter.event.as_ref();
        let failure = Failure {
            handler: &letter.handler,
            event_id: id,
            worker: &letter.worker,
            order_id: &letter.order_id,
            event_type: event.map_or("", |event| event.event_type()),
            reason: &letter.reason,
            error: last.map_or("", |failure| &failure.error),
            attempts: last.map_or(0, |failure| failure.attempt),
            generation: letter.generation,
            trace_id: event.map_or_else(String::new, trace_id),
            care,
            due,
            replayable: letter.replayable && event.is_some(),
            letter: letter.encode_to_vec(),
        };
        store::failed(tx, &failure).await?;
        watch::awake(tx, self.watch_every).await?;
        Ok(())
    }
}

fn trace_id(event: &despatch_contracts::runtime::Envelope) -> String {
    let trace = Trace::parse(&event.traceparent, &event.tracestate);
    trace.map_or_else(String::new, |trace| trace.trace_id.to_string())
}
