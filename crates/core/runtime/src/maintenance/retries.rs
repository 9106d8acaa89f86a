//! Decisions about pending retries: run now, or cancel. A process of the worker answers them.

use std::sync::Arc;
use std::time::SystemTime;

use deadpool_postgres::Transaction;
use despatch_contracts::EventId;
use despatch_contracts::runtime::{
    CancelRetries, Changed, Envelope, Failure, Failures, FollowOns, RetryFilter, RetryNow,
};
use despatch_domain::Reason;
use prost::Message as _;
use tokio_postgres::Row;
use uuid::Uuid;

use crate::context::WorkerContext;
use crate::db::DbError;
use crate::journal::{Disposition, JournalRow, Try, is_report, note};
use crate::outbox::Outbox;
use crate::worker::{AskError, AskHandler};

/// Retries that are cancelled in one transaction.
const PORTION: i64 = 256;

const MATCHES: &str = "($1::text is null or handler = $1) and ($2::uuid is null or id = $2)";

/// `retry-now`: makes pending retries due at once. It costs no attempt that waiting would not have cost. Of events that
/// an open breaker holds, one probes the provider at once.
pub(crate) struct AnswerRetryNow(pub(crate) Arc<WorkerContext>);

impl AskHandler for AnswerRetryNow {
    type Ask = RetryNow;

    async fn answer(&self, ask: RetryNow, _: &Outbox) -> Result<Changed, AskError> {
        let (handler, event) = read(ask.filter)?;
        let worker = self.0.worker;
        // A held event goes before the others that its breaker holds.
        let sql = format!(
            "with hurried as (
                 update {worker}.retry set due = case when held_by is null then despatch_now() else 'epoch' end
                  where {MATCHES} returning held_by),
             probing as (
                 update {worker}.breaker set probe_at = despatch_now()
                  where state = 'open' and provider in (select held_by from hurried))
             select count(*) from hurried"
        );
        let client = self.0.db.client().await?;
        let row = client.query_one(&sql, &[&handler, &event]).await.map_err(DbError::from)?;
        let count = u64::try_from(row.get::<_, i64>(0)).unwrap_or_default();
        Ok(Changed { count })
    }
}

/// `cancel-retries`: turns each waiting event into a dead letter, `retry-cancelled`, as if its next try had ended so.
/// It can be replayed like any dead letter. An event that is being tried at this moment is not waiting and is left
/// alone.
pub(crate) struct AnswerCancelRetries(pub(crate) Arc<WorkerContext>);

impl AskHandler for AnswerCancelRetries {
    type Ask = CancelRetries;

    async fn answer(&self, ask: CancelRetries, _: &Outbox) -> Result<Changed, AskError> {
        let (by, reason) = (ask.by.trim(), ask.reason.trim());
        if by.is_empty() || reason.is_empty() {
            return Err(AskError::new(
                "incomplete",
                "by and reason: expected who cancels and why, found nothing",
            ));
        }
        let (handler, event) = read(ask.filter)?;
        let error = format!("cancelled by {by}: {reason}");
        let mut count = 0;
        loop {
            let portion = cancel_some(&self.0, handler.as_deref(), event, &error).await?;
            count += portion;
            if portion == 0 {
                return Ok(Changed { count });
            }
        }
    }
}

fn read(filter: Option<RetryFilter>) -> Result<(Option<String>, Option<Uuid>), AskError> {
    let RetryFilter { handler, event_id } = filter.unwrap_or_default();
    let event = (!event_id.is_empty()).then(|| Uuid::try_parse(&event_id)).transpose();
    let event = event.map_err(|_| {
        AskError::new("undecodable", format!("event_id: expected a UUID, found {event_id:?}"))
    })?;
    Ok(((!handler.is_empty()).then_some(handler), event))
}

/// Cancels as many retries as one transaction takes. Locks them, so that no scheduler publishes them meanwhile. Their
/// reports are published like follow-ons, after the commit.
async fn cancel_some(
    ctx: &WorkerContext,
    handler: Option<&str>,
    event: Option<Uuid>,
    error: &str,
) -> Result<u64, DbError> {
    let worker = ctx.worker;
    let sql = format!(
        "select handler, id, generation, subject, event, failures, attempts, despatch_now() as now
           from {worker}.retry join {worker}.journal using (id, handler)
          where state = 'waiting' and {MATCHES}
          order by due limit $3 for update of retry skip locked"
    );
    let mut client = ctx.db.client().await?;
    let tx = client.transaction().await?;
    let (mut count, mut published) = (0, Vec::new());
    for row in tx.query(&sql, &[&handler, &event, &PORTION]).await? {
        if let Some(unpublished) = Cancelled::read(&row, error)?.record(ctx, &tx).await? {
            count += 1;
            published.push(unpublished);
        }
    }
    tx.commit().await?;
    drop(client);
    for (batch, messages) in published {
        // The sweeper publishes what is not published now.
        if ctx.broker.publish(&messages, &ctx.abandon).await == crate::nats::Published::All {
            ctx.close(batch).await?;
        }
    }
    Ok(count)
}

/// A waiting event whose next generation is not tried.
struct Cancelled {
    handler: String,
    id: EventId,
    generation: u32,
    attempts: u32,
    subject: String,
    event: Vec<u8>,
    failures: Failures,
}

impl Cancelled {
    fn read(row: &Row, error: &str) -> Result<Self, DbError> {
        let number = |name| Ok::<_, DbError>(u32::try_from(row.try_get::<_, i32>(name)?).unwrap_or_default());
        let bytes = |name| Ok::<_, DbError>(row.try_get::<_, Option<Vec<u8>>>(name)?.unwrap_or_default());
        let (generation, attempts) = (number("generation")? + 1, number("attempts")?);
        let mut failures = Failures::decode(&*bytes("failures")?).unwrap_or_default();
        let at = Some(row.try_get::<_, SystemTime>("now")?.into());
        let verdict = "cancel".to_owned();
        note(&mut failures, Failure { attempt: attempts, generation, at, error: error.to_owned(), verdict });
        Ok(Cancelled {
            handler: row.try_get("handler")?,
            id: row.try_get::<_, Uuid>("id")?.into(),
            generation,
            attempts,
            subject: row.try_get("subject")?,
            event: bytes("event")?,
            failures,
        })
    }

    /// Records the event as dead, with its reports in an outbox batch. Returns `None` if another process was faster.
    async fn record(
        &self,
        ctx: &WorkerContext,
        tx: &Transaction<'_>,
    ) -> Result<Option<(i64, Vec<Envelope>)>, DbError> {
        let messages = self.reports(ctx);
        let outbox = if messages.is_empty() {
            Vec::new()
        } else {
            FollowOns { messages: messages.clone() }.encode_to_vec()
        };
        let failures = self.failures.encode_to_vec();
        let row = JournalRow {
            handler: &self.handler,
            id: self.id,
            generation: self.generation,
            subject: &self.subject,
            outbox,
            event: &self.event,
            failures: &failures,
            attempts: self.attempts,
            disposition: Disposition::Dead { reason: Reason::RetryCancelled.code() },
        };
        // The batch is opened first, because the row keeps an earlier generation's unpublished follow-ons only while a
        // batch names it.
        let batch = ctx.journal.open(tx, &self.handler, &[self.id.uuid()]).await?;
        if ctx.journal.settle(tx, &[row]).await? {
            return Ok(Some((batch, messages)));
        }
        ctx.journal.close(tx, &[batch]).await?;
        Ok(None)
    }

    /// Returns the dead letter and the report. A report gets none of its own: only the journal knows about it.
    fn reports(&self, ctx: &WorkerContext) -> Vec<Envelope> {
        let event = Envelope::decode(&*self.event).ok();
        if event.as_ref().is_some_and(|event| is_report(event.event_type())) {
            tracing::warn!(handler = self.handler, event = %self.id, "report cancelled: only the journal has it");
            return Vec::new();
        }
        let trace = event.as_ref().map_or_else(despatch_contracts::Trace::root, Envelope::trace);
        let this = Try {
            worker: ctx.worker,
            handler: &self.handler,
            event_id: self.id,
            generation: self.generation,
            subject: &self.subject,
            trace: &trace,
        };
        let reason = Reason::RetryCancelled.code();
        let fits = |letter: &Envelope| ctx.broker.unpublishable(letter).is_none();
        vec![
            this.dead_letter(reason, self.failures.clone(), event, true, fits),
            this.report("dead", Some(reason)),
        ]
    }
}
