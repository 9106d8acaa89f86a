//! `exceptions.open`: a dead letter opens a case, or reopens the one that its event already has.

use std::time::Duration;

use despatch_calendar::{Calendar, OutOfRange};
use despatch_contracts::exception::MonitorDue;
use despatch_contracts::order::{Order, ServiceLevel};
use despatch_contracts::runtime::{DeadLetter, Envelope};
use despatch_contracts::{Trace, json};
use despatch_domain::{Currency, Money, Priority, Reason, Triage};
use despatch_runtime::{ConcurrencyKeys, DbError, Handler, HandlerError, Timer, Tx, Verdict};
use jiff::Timestamp;
use prost::Message as _;
use serde_json::Value;

use super::case::FailedAttempt;
use super::key::{InvalidEventId, case_key, event_id};
use super::store::{self, Failure};
use crate::alerts::monitor;

/// Opens cases.
pub(crate) struct Open {
    pub(crate) calendar: Calendar,
    /// An order's total from which its cases are more urgent, in minor units of its currency; `None` for never.
    pub(crate) high_value_minor: Option<i64>,
    /// The monitor's timer and its interval.
    pub(crate) monitor_due: Timer<MonitorDue>,
    pub(crate) monitor_every: Duration,
}

/// Why a dead letter is no case. It stays in this worker's journal: a dead letter of a dead letter would only come back.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OpenError {
    #[error(transparent)]
    EventId(#[from] InvalidEventId),
    #[error(transparent)]
    DueTime(#[from] OutOfRange),
    #[error(transparent)]
    Database(#[from] DbError),
}

impl HandlerError for OpenError {
    fn verdict(&self) -> Verdict {
        match self {
            OpenError::EventId(_) => Verdict::Reject(Reason::PayloadUndecodable),
            OpenError::DueTime(_) | OpenError::Database(_) => Verdict::Retry,
        }
    }
}

impl Handler for Open {
    const NAME: &'static str = "exceptions.open";
    type In = DeadLetter;
    type Out = ();
    type Error = OpenError;

    fn keys(&self, letter: &DeadLetter) -> ConcurrencyKeys {
        case_key(&letter.handler, &letter.event_id)
    }

    async fn record(&self, letter: &DeadLetter, tx: &Tx<'_>) -> Result<(), OpenError> {
        let event_id = event_id(&letter.event_id)?;
        // A newer build may give reasons that this one does not know.
        let mut triage = Reason::parse(&letter.reason).and_then(Reason::triage).unwrap_or(Triage::UNKNOWN);
        let last = letter.failures.last().cloned().map(FailedAttempt::from);
        let failed_at = last.as_ref().and_then(|attempt| attempt.at).unwrap_or_else(Timestamp::now);
        let due = self.calendar.due(failed_at, triage.hours)?;
        let event = letter.event.as_ref();
        let order = event.and_then(|event| json::order_in(event.event_type(), event.payload.clone()));
        triage.priority = self.priority(triage.priority, order.as_ref());
        let failure = Failure {
            handler: &letter.handler,
            event_id,
            worker: &letter.worker,
            subject: &letter.subject,
            event_type: event.map_or("", |event| event.event_type()),
            reason: &letter.reason,
            error: last.as_ref().map_or("", |attempt| &attempt.error),
            attempts: last.as_ref().map_or(0, |attempt| attempt.attempt),
            generation: letter.generation,
            trace_id: event.map_or_else(String::new, trace_id),
            triage,
            due,
            replayable: letter.replayable && event.is_some(),
            letter: letter.encode_to_vec(),
            value: order.as_ref().and_then(value),
            contents: event.map(contents).unwrap_or_default(),
        };
        store::record_failure(tx, &failure).await?;
        monitor::ensure_scheduled(tx, self.monitor_due, self.monitor_every).await?;
        Ok(())
    }
}

impl Open {
    /// The reason's priority, one step higher for an order with fast delivery, and one for an order of high value.
    fn priority(&self, of_reason: Priority, order: Option<&Order>) -> Priority {
        let Some(order) = order else { return of_reason };
        let fast = matches!(order.service_level(), ServiceLevel::FirstClass | ServiceLevel::SameDay);
        let high_value = self.high_value_minor.is_some_and(|minor| order.total_minor >= minor);
        [fast, high_value]
            .into_iter()
            .filter(|raises| *raises)
            .fold(of_reason, |priority, _| priority.raised())
    }
}

/// An order's total; `None` when its currency is unknown.
fn value(order: &Order) -> Option<Money> {
    Some(Money::new(order.total_minor, Currency::parse(&order.currency).ok()?))
}

/// Every text in an event, for the search.
fn contents(event: &Envelope) -> String {
    let mut texts = Vec::new();
    if let Ok(json) = json::to_json(event.event_type(), event.payload.clone()) {
        collect_texts(&json, &mut texts);
    }
    texts.join(" ")
}

fn collect_texts(json: &Value, texts: &mut Vec<String>) {
    match json {
        Value::String(text) if !text.is_empty() => texts.push(text.clone()),
        Value::Array(values) => values.iter().for_each(|value| collect_texts(value, texts)),
        Value::Object(fields) => fields.values().for_each(|value| collect_texts(value, texts)),
        _ => {}
    }
}

fn trace_id(event: &Envelope) -> String {
    let trace = Trace::parse(&event.traceparent, &event.tracestate);
    trace.map_or_else(String::new, |trace| trace.trace_id.to_string())
}
