//! `exceptions.open`: a dead letter opens a case, or opens it again.

use std::time::Duration;

use despatch_contracts::order::{Order, ServiceLevel};
use despatch_contracts::runtime::{DeadLetter, Envelope};
use despatch_contracts::{EventId, Trace, json};
use despatch_domain::{Currency, Money, Priority, Reason, Triage};
use despatch_runtime::{ConcurrencyKeys, DbError, Handler, HandlerError, Tx, Verdict};
use jiff::Timestamp;
use prost::Message as _;
use serde_json::Value;
use uuid::Uuid;

use super::store::{self, Failure};
use crate::alerts::monitor as watch;
use crate::calendar::{Calendar, CalendarError};

/// Keeps cases.
pub(crate) struct Open {
    pub(crate) calendar: Calendar,
    /// From which total on an order's cases are more urgent, in minor units of its currency; `None` for no total.
    pub(crate) dear_minor: Option<i64>,
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

impl HandlerError for OpenError {
    fn verdict(&self) -> Verdict {
        match self {
            OpenError::NoEvent(_) => Verdict::Reject(Reason::PayloadUndecodable),
            OpenError::Calendar(_) | OpenError::Database(_) => Verdict::Retry,
        }
    }
}

/// What two handlers of this worker contend on: the case. Its order may be unknown.
pub(crate) fn keys(handler: &str, event_id: &str) -> ConcurrencyKeys {
    ConcurrencyKeys::none().and("case", &format!("{handler} {event_id}"))
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

    fn keys(&self, letter: &DeadLetter) -> ConcurrencyKeys {
        keys(&letter.handler, &letter.event_id)
    }

    async fn record(&self, letter: &DeadLetter, tx: &Tx<'_>) -> Result<(), OpenError> {
        let id = event_id(&letter.event_id).ok_or_else(|| OpenError::NoEvent(letter.event_id.clone()))?;
        // A newer build may give reasons that this one does not know.
        let mut triage = Reason::parse(&letter.reason).and_then(Reason::triage).unwrap_or(Triage::UNKNOWN);
        let last = letter.failures.last();
        let failed_at = last.and_then(|failure| failure.at.as_ref());
        let failed_at = failed_at.and_then(|at| Timestamp::new(at.seconds, at.nanos).ok());
        let due = self.calendar.due(failed_at.unwrap_or_else(Timestamp::now), triage.hours)?;
        let event = letter.event.as_ref();
        let order = event.and_then(|event| json::order_in(event.event_type(), event.payload.clone()));
        triage.priority = self.priority(triage.priority, order.as_ref());
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
            triage,
            due,
            replayable: letter.replayable && event.is_some(),
            letter: letter.encode_to_vec(),
            value: order.as_ref().and_then(value),
            contents: event.map(contents).unwrap_or_default(),
        };
        store::failed(tx, &failure).await?;
        watch::awake(tx, self.watch_every).await?;
        Ok(())
    }
}

impl Open {
    /// A reason's priority, raised by a step for an order that was promised sooner, and by one for a dear one.
    fn priority(&self, of_reason: Priority, order: Option<&Order>) -> Priority {
        let Some(order) = order else { return of_reason };
        let hurried = matches!(order.service_level(), ServiceLevel::FirstClass | ServiceLevel::SameDay);
        let dear = self.dear_minor.is_some_and(|dear| order.total_minor >= dear);
        [hurried, dear].into_iter().filter(|raises| *raises).fold(of_reason, |priority, _| priority.raised())
    }
}

/// What an order is worth; `None` when its currency is none.
fn value(order: &Order) -> Option<Money> {
    Some(Money::new(order.total_minor, Currency::parse(&order.currency).ok()?))
}

/// Every text in an event.
fn contents(event: &Envelope) -> String {
    let mut texts = Vec::new();
    if let Ok(json) = json::to_json(event.event_type(), event.payload.clone()) {
        texts_in(&json, &mut texts);
    }
    texts.join(" ")
}

fn texts_in(json: &Value, texts: &mut Vec<String>) {
    match json {
        Value::String(text) if !text.is_empty() => texts.push(text.clone()),
        Value::Array(values) => values.iter().for_each(|value| texts_in(value, texts)),
        Value::Object(fields) => fields.values().for_each(|value| texts_in(value, texts)),
        _ => {}
    }
}

fn trace_id(event: &Envelope) -> String {
    let trace = Trace::parse(&event.traceparent, &event.tracestate);
    trace.map_or_else(String::new, |trace| trace.trace_id.to_string())
}
