//! `exceptions.open`: a dead letter opens a case, or reopens the one that its event already has.

use std::time::Duration;

use despatch_calendar::{Calendar, OutOfRange};
use despatch_contracts::exception::MonitorDue;
use despatch_contracts::order::Order;
use despatch_contracts::runtime::{DeadLetter, Envelope};
use despatch_contracts::{Subject, Trace, json};
use despatch_domain::{Currency, Money, Reason};
use despatch_runtime::{ConcurrencyKeys, DbError, Handler, HandlerError, Timer, Tx, Verdict};
use jiff::Timestamp;
use prost::Message as _;
use serde_json::Value;

use super::case::FailedAttempt;
use super::cause::cause;
use super::ends_with_order::ends_with_order;
use super::key::{InvalidEventId, case_key, event_id};
use super::priority::{WorthLimits, priority};
use super::store::{self, Failure};
use super::triage::triage;
use crate::alerts::monitor;

/// Opens cases.
pub(crate) struct Open {
    pub(crate) calendar: Calendar,
    pub(crate) worth_limits: WorthLimits,
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
        // The order's cancellation is recorded before this dead letter or after it, never beside it.
        let subject = Subject::parse(&letter.subject);
        let case = case_key(&letter.handler, &letter.event_id);
        if subject.is_none() { case } else { case.and(subject.kind(), subject.id()) }
    }

    async fn record(&self, letter: &DeadLetter, tx: &Tx<'_>) -> Result<(), OpenError> {
        let event_id = event_id(&letter.event_id)?;
        let mut triage = triage(&letter.reason, &letter.handler);
        let last = letter.failures.last().cloned().map(FailedAttempt::from);
        let failed_at = last.as_ref().and_then(|attempt| attempt.at).unwrap_or_else(Timestamp::now);
        let event = letter.event.as_ref();
        let json = event.and_then(|event| json::to_json(event.event_type(), event.payload.clone()).ok());
        let due = match json.as_ref().and_then(deadline) {
            Some(deadline) => deadline,
            None => self.calendar.due(failed_at, triage.hours)?,
        };
        let order = event.and_then(|event| json::order_in(event.event_type(), event.payload.clone()));
        triage.priority = priority(triage.priority, order.as_ref(), self.worth_limits);
        let event_type = event.map_or("", |event| event.event_type());
        let error = last.as_ref().map_or("", |attempt| attempt.error.as_str());
        // A malformed order may lack its name.
        let named = order.as_ref().filter(|order| !order.shop.is_empty() && !order.shop_order_id.is_empty());
        let failure = Failure {
            handler: &letter.handler,
            event_id,
            worker: &letter.worker,
            subject: &letter.subject,
            event_type,
            reason: &letter.reason,
            error,
            cause: cause(error),
            attempts: last.as_ref().map_or(0, |attempt| attempt.attempt),
            generation: letter.generation,
            trace_id: event.map_or_else(String::new, trace_id),
            triage,
            due,
            replayable: letter.replayable && event.is_some(),
            ends_with_order: ends_with_order(&letter.worker, event_type),
            letter: letter.encode_to_vec(),
            shop: named.map(|order| order.shop.as_str()),
            shop_order_id: named.map(|order| order.shop_order_id.as_str()),
            value: order.as_ref().and_then(value),
            contents: json.as_ref().map(contents).unwrap_or_default(),
            kind: "failed",
        };
        store::record_failure(tx, &failure).await?;
        let subject = Subject::parse(&letter.subject);
        if let Some(order_id) = subject.order_id().filter(|_| failure.ends_with_order) {
            store::resolve_if_cancelled(tx, &letter.handler, event_id, order_id, Self::NAME).await?;
        }
        monitor::ensure_scheduled(tx, self.monitor_due, self.monitor_every).await?;
        Ok(())
    }
}

/// An order's total; `None` when its currency is unknown.
fn value(order: &Order) -> Option<Money> {
    Some(Money::new(order.total_minor, Currency::parse(&order.currency).ok()?))
}

/// Returns the deadline that an event carries as its field `due_by`, such as a bank's for the answer to a dispute. It takes
/// the place of the reason's service level.
fn deadline(event: &Value) -> Option<Timestamp> {
    event.get("due_by")?.as_str()?.parse().ok()
}

/// Every text in an event, for the search.
fn contents(event: &Value) -> String {
    let mut texts = Vec::new();
    collect_texts(event, &mut texts);
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
