//! The outbox for events that come from no handler. Input from outside of the deployment, and due timers, are journaled
//! with an outbox batch before they are published.

use std::sync::Arc;
use std::time::SystemTime;

use deadpool_postgres::GenericClient;
use despatch_contracts::runtime::{DeadLetter, Envelope, Failure, Failures, FollowOns};
use despatch_contracts::{Emitted, Event, EventId, Subject, Trace};
use despatch_domain::Reason;
use prost::Message as _;
use uuid::Uuid;

use crate::context::WorkerContext;
use crate::db::{Database, DbError};
use crate::journal::{Done, ERROR_LENGTH, Try, note};
use crate::nats::Published;
use crate::telemetry::spans;

/// The longest part of a foreign id that is kept.
const ID_LENGTH: usize = 200;

/// The size of a rehearsed event's payload: about that of an order.
const REHEARSED: usize = 1400;

/// An event that is addressed but not journaled yet.
#[derive(Debug, Clone)]
pub struct OutboxMessage {
    id: EventId,
    envelope: Envelope,
}

/// Input that cannot become an event; see [`Outbox::dead_letter`].
#[derive(Debug, Clone)]
pub struct RejectedInput<'a> {
    /// The reason for the dead letter.
    pub reason: Reason,
    /// The subject, as far as it is known; empty if there is none.
    pub subject: Subject<'a>,
    /// The exact defect.
    pub error: String,
    /// The input, unchanged.
    pub body: bytes::Bytes,
}

/// A worker's outbox for events that come from no handler.
#[derive(Clone)]
pub struct Outbox {
    ctx: Arc<WorkerContext>,
    source: Arc<str>,
}

/// Messages that are journaled. [`Outbox::publish`] publishes them once their transaction is committed.
#[derive(Debug)]
#[must_use = "what is journaled but not published waits for the sweeper"]
pub struct Unpublished {
    batch: Option<i64>,
    envelopes: Vec<Envelope>,
}

impl Outbox {
    pub(crate) fn new(ctx: Arc<WorkerContext>) -> Self {
        let source = format!("{}.outbox", ctx.worker).into();
        Outbox { ctx, source }
    }

    /// Returns an id for a new event, by the deployment's time; `None` while this process has never reached the database,
    /// and so does not know the time.
    pub fn new_id(&self) -> Option<EventId> {
        self.ctx.clock.known_id()
    }

    /// Returns the deployment's time.
    pub fn now(&self) -> SystemTime {
        self.ctx.clock.now()
    }

    /// Returns the size in bytes of the largest message that the broker takes, as it said on the latest connection; 1 MiB
    /// before the first one.
    pub fn largest_message(&self) -> usize {
        self.ctx.broker.client().max_payload()
    }

    /// Returns the database that holds the journal.
    pub fn database(&self) -> &Database {
        &self.ctx.db
    }

    /// Addresses an event that arrives.
    pub fn event(&self, id: EventId, event: Emitted, trace: &Trace) -> OutboxMessage {
        OutboxMessage { id, envelope: Envelope::first(id, &self.source, event, trace) }
    }

    /// Addresses the dead letter of input that cannot become an event. A body that is too large for a message is left
    /// out.
    pub fn dead_letter(&self, id: EventId, refusal: RejectedInput<'_>, trace: &Trace) -> OutboxMessage {
        let RejectedInput { reason, subject, error, body } = refusal;
        let subject = printable(&subject.to_string());
        let event = Envelope {
            event_id: id.to_string(),
            source: self.source.to_string(),
            subject: subject.clone(),
            payload: body,
            ..Envelope::default()
        };
        let trace = spans::refused(&self.source, &event, reason.code(), trace);
        rejected(&self.ctx, &self.source, id, reason, &error, event, &trace)
    }

    /// Journals messages in the caller's transaction, in one statement.
    pub async fn enqueue(
        &self,
        tx: &deadpool_postgres::Transaction<'_>,
        messages: Vec<OutboxMessage>,
    ) -> Result<Unpublished, DbError> {
        write(tx, &self.ctx, &self.source, messages).await
    }

    /// Notes that a transaction of the outbox was committed, for [`commits`](Self::commits).
    pub fn note_commit(&self) {
        self.ctx.commits.note_success();
    }

    /// Returns whether the database takes events, or why not. `attempt` is made only if nothing was committed within the last
    /// seconds.
    pub async fn commits(&self, attempt: impl Future<Output = Result<(), String>>) -> Result<(), String> {
        self.ctx.commits.ask(attempt).await
    }

    /// Journals an event and takes it back: a commit that proves the whole way, and leaves nothing.
    pub async fn rehearse(&self) -> Result<(), DbError> {
        rehearse(&self.ctx).await
    }

    /// Returns whether the broker stores messages, or why not. A message is published only if none was stored within the
    /// last seconds.
    pub async fn publishes(&self) -> Result<(), String> {
        self.ctx.broker.stores(self.ctx.worker).await
    }

    /// Publishes journaled messages after the caller's commit; returns once the broker has them. If the process ends
    /// first, the sweeper publishes them.
    pub async fn publish(&self, unpublished: Unpublished) {
        let _ = publish(&self.ctx, unpublished).await;
    }
}

/// Journals an event and takes it back, in a transaction that is committed: proves that the database takes events now. A
/// transaction that only reads, or changes a row in its place, would succeed on a full disk.
pub(crate) async fn rehearse(ctx: &WorkerContext) -> Result<(), DbError> {
    let mut client = ctx.db.client().await?;
    let mut tx = client.transaction().await?;
    let event = Emitted { event_type: "probe", subject: String::new(), payload: vec![0; REHEARSED].into() };
    let id = ctx.clock.new_id();
    let message = OutboxMessage { id, envelope: Envelope::first(id, "probe", event, &Trace::root()) };
    let savepoint = tx.savepoint("probe").await?;
    let _ = write(&savepoint, ctx, "probe", vec![message]).await?;
    savepoint.rollback().await?;
    Ok(tx.commit().await?)
}

/// Journals messages. A message that the broker would never accept becomes a dead letter before the commit.
pub(crate) async fn write<C: GenericClient>(
    client: &C,
    ctx: &WorkerContext,
    source: &str,
    messages: Vec<OutboxMessage>,
) -> Result<Unpublished, DbError> {
    if messages.is_empty() {
        return Ok(Unpublished { batch: None, envelopes: Vec::new() });
    }
    let messages: Vec<OutboxMessage> =
        messages.into_iter().map(|message| message.publishable(ctx, source)).collect();
    let done: Vec<Done<'_>> = messages
        .iter()
        .map(|OutboxMessage { id, envelope }| Done {
            id: *id,
            subject: &envelope.subject,
            outbox: FollowOns { messages: vec![envelope.clone()] }.encode_to_vec(),
        })
        .collect();
    ctx.journal.done(client, source, &done).await?;
    let ids: Vec<Uuid> = messages.iter().map(|message| message.id.uuid()).collect();
    let batch = Some(ctx.journal.open(client, source, &ids).await?);
    Ok(Unpublished { batch, envelopes: messages.into_iter().map(|message| message.envelope).collect() })
}

pub(crate) async fn publish(ctx: &WorkerContext, unpublished: Unpublished) -> Published {
    let Some(batch) = unpublished.batch else { return Published::All };
    let published = ctx.broker.publish(&unpublished.envelopes, &ctx.abandon).await;
    if published == Published::All
        && let Err(error) = ctx.close(batch).await
    {
        tracing::warn!(%error, "outbox batch left to the sweeper");
    }
    published
}

impl OutboxMessage {
    pub(crate) fn timer(ctx: &WorkerContext, event: Emitted, trace: &Trace) -> Self {
        let id = ctx.clock.new_id();
        OutboxMessage { id, envelope: Envelope::of(id, &timer_source(ctx.worker), event, trace) }
    }

    /// Addresses an event of the runtime itself.
    pub(crate) fn of_runtime(ctx: &WorkerContext, event: Emitted) -> Self {
        let id = ctx.clock.new_id();
        OutboxMessage { id, envelope: Envelope::of(id, &runtime_source(ctx.worker), event, &Trace::root()) }
    }

    fn publishable(self, ctx: &WorkerContext, source: &str) -> Self {
        let Some(unpublishable) = ctx.broker.unpublishable(&self.envelope) else { return self };
        let (error, trace) = (unpublishable.to_string(), self.envelope.trace());
        rejected(ctx, source, self.id, unpublishable.reason(), &error, self.envelope, &trace)
    }
}

fn rejected(
    ctx: &WorkerContext,
    source: &str,
    event_id: EventId,
    reason: Reason,
    error: &str,
    event: Envelope,
    trace: &Trace,
) -> OutboxMessage {
    let error = error.chars().take(ERROR_LENGTH).collect();
    let mut failures = Failures::default();
    let failure = Failure {
        attempt: 1,
        generation: 0,
        at: Some(ctx.clock.now().into()),
        error,
        verdict: "reject".to_owned(),
    };
    note(&mut failures, failure);
    let subject = printable(&event.subject);
    let this = Try { worker: ctx.worker, handler: source, event_id, generation: 0, subject: &subject, trace };
    let fits = |letter: &Envelope| ctx.broker.unpublishable(letter).is_none();
    let envelope = this.dead_letter(reason.code(), failures, Some(event), false, fits);
    OutboxMessage { id: event_id.report(source, DeadLetter::TYPE, 0), envelope }
}

/// Returns an id in a form that a header and a text column can hold, whatever the sender supplied.
fn printable(id: &str) -> String {
    id.chars().filter(|letter| !letter.is_control()).take(ID_LENGTH).collect()
}

/// Returns the event source of what the runtime itself reports.
pub(crate) fn runtime_source(worker: &str) -> String {
    format!("{worker}.runtime")
}

/// Returns the event source of a worker's timers.
pub(crate) fn timer_source(worker: &str) -> String {
    format!("{worker}.timer")
}
