//! The way in: what arrives from outside, or from a timer, is journaled with its open batch before it is published.

use std::sync::Arc;

use deadpool_postgres::GenericClient;
use despatch_contracts::runtime::{DeadLetter, Envelope, Failure, FollowOns};
use despatch_contracts::{Emitted, Event, EventId, Trace, now};
use despatch_domain::Reason;
use prost::Message as _;
use uuid::Uuid;

use crate::broker::Published;
use crate::database::{Database, DbError};
use crate::host::Host;
use crate::journal::Done;
use crate::outcome::ERROR_LENGTH;
use crate::spans;

/// How much of an id that somebody sent is kept.
const ID_LENGTH: usize = 200;

/// An event on its way in, addressed.
#[derive(Debug, Clone)]
pub struct OutboxMessage {
    id: EventId,
    envelope: Envelope,
}

/// What a message that cannot become an event leaves behind; see [`Outbox::dead_letter`].
#[derive(Debug, Clone)]
pub struct RejectedInput<'a> {
    /// Why.
    pub reason: Reason,
    /// The order that it is about, as far as that is known.
    pub order_id: &'a str,
    /// What exactly is wrong.
    pub error: String,
    /// What arrived, untouched.
    pub body: bytes::Bytes,
}

/// A worker's way in.
#[derive(Clone)]
pub struct Outbox {
    host: Arc<Host>,
    source: Arc<str>,
}

/// Messages that are journaled; they go out with [`Outbox::publish`] once their transaction is committed.
#[derive(Debug)]
#[must_use = "what is journaled but not published waits for the sweeper"]
pub struct Unpublished {
    batch: Option<i64>,
    envelopes: Vec<Envelope>,
}

impl Outbox {
    pub(crate) fn new(host: Arc<Host>) -> Self {
        let source = format!("{}.intake", host.worker).into();
        Outbox { host, source }
    }

    /// The database that the messages are journaled in.
    pub fn database(&self) -> &Database {
        &self.host.db
    }

    /// Addresses an event that arrives.
    pub fn event(&self, id: EventId, event: Emitted, trace: &Trace) -> OutboxMessage {
        OutboxMessage { id, envelope: Envelope::first(id, &self.source, event, trace) }
    }

    /// Addresses the dead letter of what arrived but cannot become an event. A body that is too large for a message is
    /// left out.
    pub fn dead_letter(&self, id: EventId, refusal: RejectedInput<'_>, trace: &Trace) -> OutboxMessage {
        let RejectedInput { reason, order_id, error, body } = refusal;
        let order_id = printable(order_id);
        let event = Envelope {
            event_id: id.to_string(),
            source: self.source.to_string(),
            order_id: order_id.clone(),
            payload: body,
            ..Envelope::default()
        };
        let trace = spans::refused(&self.source, &event, reason.code(), trace);
        rejected(&self.host, &self.source, id, reason, &error, event, &trace)
    }

    /// Journals messages in the caller's transaction, set-based.
    pub async fn enqueue(
        &self,
        tx: &deadpool_postgres::Transaction<'_>,
        messages: Vec<OutboxMessage>,
    ) -> Result<Unpublished, DbError> {
        write(tx, &self.host, &self.source, messages).await
    }

    /// Publishes what was journaled, after the caller's commit; returns once the broker has it. Should the process end
    /// first, the sweeper does it.
    pub async fn publish(&self, unpublished: Unpublished) {
        let _ = publish(&self.host, unpublished).await;
    }
}

/// Journals messages. One that the broker would never take becomes a dead letter before it is committed.
pub(crate) async fn write<C: GenericClient>(
    client: &C,
    host: &Host,
    source: &str,
    messages: Vec<OutboxMessage>,
) -> Result<Unpublished, DbError> {
    if messages.is_empty() {
        return Ok(Unpublished { batch: None, envelopes: Vec::new() });
    }
    let messages: Vec<OutboxMessage> =
        messages.into_iter().map(|message| message.sendable(host, source)).collect();
    let done: Vec<Done<'_>> = messages
        .iter()
        .map(|OutboxMessage { id, envelope }| Done {
            id: *id,
            order_id: &envelope.order_id,
            outbox: FollowOns { messages: vec![envelope.clone()] }.encode_to_vec(),
        })
        .collect();
    host.journal.done(client, source, &done).await?;
    let ids: Vec<Uuid> = messages.iter().map(|message| message.id.uuid()).collect();
    let batch = Some(host.journal.open(client, source, &ids).await?);
    Ok(Unpublished { batch, envelopes: messages.into_iter().map(|message| message.envelope).collect() })
}

pub(crate) async fn publish(host: &Host, unpublished: Unpublished) -> Published {
    let Some(batch) = unpublished.batch else { return Published::All };
    let published = host.broker.publish(&unpublished.envelopes, &host.abandon).await;
    if published == Published::All
        && let Err(error) = host.close(batch).await
    {
        tracing::warn!(%error, "an open batch is left to the sweeper");
    }
    published
}

impl OutboxMessage {
    pub(crate) fn timer(worker: &str, event: Emitted, trace: &Trace) -> Self {
        let id = EventId::new();
        OutboxMessage { id, envelope: Envelope::of(id, &timer_source(worker), event, trace) }
    }

    fn sendable(self, host: &Host, source: &str) -> Self {
        let Some(objection) = host.broker.objection(&self.envelope) else { return self };
        let (error, trace) = (objection.to_string(), self.envelope.trace());
        rejected(host, source, self.id, objection.reason(), &error, self.envelope, &trace)
    }
}

fn rejected(
    host: &Host,
    source: &str,
    event_id: EventId,
    reason: Reason,
    error: &str,
    event: Envelope,
    trace: &Trace,
) -> OutboxMessage {
    let error = error.chars().take(ERROR_LENGTH).collect();
    let failure = Failure { attempt: 1, generation: 0, at: Some(now()), error, verdict: "reject".to_owned() };
    let mut letter = DeadLetter {
        worker: host.worker.to_owned(),
        handler: source.to_owned(),
        event_id: event_id.to_string(),
        generation: 0,
        order_id: printable(&event.order_id),
        reason: reason.code().to_owned(),
        failures: vec![failure],
        event: Some(event),
        replayable: false,
    };
    let id = event_id.report(source, DeadLetter::TYPE, 0);
    let mut envelope = Envelope::dead(id, &letter, trace);
    if host.broker.objection(&envelope).is_some() {
        letter.event = None;
        envelope = Envelope::dead(id, &letter, trace);
    }
    OutboxMessage { id, envelope }
}

/// An id as a header and a text column can hold it, whatever somebody sent for one.
fn printable(id: &str) -> String {
    id.chars().filter(|letter| !letter.is_control()).take(ID_LENGTH).collect()
}

/// Where timers' events come from.
pub(crate) fn timer_source(worker: &str) -> String {
    format!("{worker}.timer")
}
