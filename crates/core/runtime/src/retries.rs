//! What waits for its next try: seen, tried before its time, or withdrawn.

use std::time::{Duration, SystemTime};

use deadpool_postgres::Transaction;
use despatch_contracts::runtime::{DeadLetter, Envelope, Failure, Failures, Settled};
use despatch_domain::Reason;
use prost::Message as _;
use tokio_postgres::Row;
use uuid::Uuid;

use crate::clock::set_timer;
use crate::database::{Database, DbError};
use crate::journal::{Fate, Journal, Settlement};
use crate::outcome::{is_report, note};

/// How many are withdrawn in one transaction.
const PORTION: i64 = 256;

/// An event that waits for its next try.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PendingRetry {
    /// Who could not handle it yet.
    pub handler: String,
    /// The event.
    pub event_id: Uuid,
    /// The order that it is about.
    pub order_id: String,
    /// When it is tried again, by the database's clock.
    pub due: SystemTime,
    /// Tries so far that count.
    pub attempts: i32,
    /// What the last try said.
    pub error: String,
}

/// The events that wait, the next first; at most `limit`.
pub async fn list_retries(db: &Database, worker: &str, limit: u32) -> Result<Vec<PendingRetry>, DbError> {
    let sql = format!(
        "select handler, id, order_id, due, attempts, failures
           from {worker}.retry join {worker}.journal using (id, handler)
          where state = 'waiting' order by due limit $1"
    );
    let rows = db.client().await?.query(&sql, &[&i64::from(limit)]).await?;
    let waiting = rows.iter().map(|row| {
        // What the journal wrote it can read.
        let failures = row.try_get::<_, Option<&[u8]>>("failures")?.unwrap_or_default();
        let failures = Failures::decode(failures).unwrap_or_default().failures;
        Ok(PendingRetry {
            handler: row.try_get("handler")?,
            event_id: row.try_get("id")?,
            order_id: row.try_get("order_id")?,
            due: row.try_get("due")?,
            attempts: row.try_get("attempts")?,
            error: failures.last().map(|failure| failure.error.clone()).unwrap_or_default(),
        })
    });
    waiting.collect()
}

/// RetryFilter waiting events; what is `None` does not matter.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RetryFilter {
    /// E.g. `labels.create`.
    pub handler: Option<String>,
    /// A single event.
    pub event_id: Option<Uuid>,
}

/// How many of a worker's events wait.
pub async fn count_retries(db: &Database, worker: &str, which: &RetryFilter) -> Result<u64, DbError> {
    let sql = format!("select count(*) from {worker}.retry where {WAITS}");
    let row = db.client().await?.query_one(&sql, &[&which.handler, &which.event_id]).await?;
    Ok(u64::try_from(row.get::<_, i64>(0)).unwrap_or_default())
}

/// Has waiting events tried now; answers how many. It costs no attempt that waiting would not have cost.
pub async fn retry_now(db: &Database, worker: &str, which: &RetryFilter) -> Result<u64, DbError> {
    let sql = format!("update {worker}.retry set due = now() where {WAITS}");
    Ok(db.client().await?.execute(&sql, &[&which.handler, &which.event_id]).await?)
}

const WAITS: &str = "($1::text is null or handler = $1) and ($2::uuid is null or id = $2)";

/// Withdraws waiting events: each becomes a dead letter, `retry-cancelled`, as if its next try had ended so, and can be
/// replayed like any other. What is being tried at this moment does not wait, and is left alone. Answers how many;
/// `who` and `why` are kept with the event's failures.
pub async fn cancel_retries(
    db: &Database,
    worker: &str,
    which: &RetryFilter,
    who: &str,
    why: &str,
) -> Result<u64, DbError> {
    let error = format!("withdrawn by {who}: {why}");
    let mut count = 0;
    loop {
        let mut client = db.client().await?;
        let tx = client.transaction().await?;
        let some = cancel_some(&tx, worker, which, &error).await?;
        tx.commit().await?;
        count += some;
        if some == 0 {
            return Ok(count);
        }
    }
}

/// As many as one transaction takes. Their retries are locked, so that no clock fires them meanwhile.
async fn cancel_some(
    tx: &Transaction<'_>,
    worker: &str,
    which: &RetryFilter,
    error: &str,
) -> Result<u64, DbError> {
    let sql = format!(
        "select handler, id, generation, order_id, event, failures, attempts, now() as now
           from {worker}.retry join {worker}.journal using (id, handler)
          where state = 'waiting' and {WAITS}
          order by due limit $3 for update of retry skip locked"
    );
    let journal = Journal::new(worker);
    let mut count = 0;
    for row in tx.query(&sql, &[&which.handler, &which.event_id, &PORTION]).await? {
        let withdrawn = Withdrawn::read(&row, error)?;
        let failures = withdrawn.failures.encode_to_vec();
        if journal.settle(tx, &withdrawn.handler, &[withdrawn.settlement(&failures)]).await? {
            withdrawn.report(tx, worker).await?;
            count += 1;
        }
    }
    Ok(count)
}

/// A waiting event whose next generation is not tried.
struct Withdrawn {
    handler: String,
    id: Uuid,
    generation: u32,
    attempts: u32,
    order_id: String,
    event: Vec<u8>,
    failures: Failures,
}

impl Withdrawn {
    fn read(row: &Row, error: &str) -> Result<Self, DbError> {
        let number = |name| Ok::<_, DbError>(u32::try_from(row.try_get::<_, i32>(name)?).unwrap_or_default());
        let bytes = |name| Ok::<_, DbError>(row.try_get::<_, Option<Vec<u8>>>(name)?.unwrap_or_default());
        let (generation, attempts) = (number("generation")? + 1, number("attempts")?);
        let mut failures = Failures::decode(&*bytes("failures")?).unwrap_or_default();
        let at = Some(row.try_get::<_, SystemTime>("now")?.into());
        let verdict = "cancel".to_owned();
        note(&mut failures, Failure { attempt: attempts, generation, at, error: error.to_owned(), verdict });
        Ok(Withdrawn {
            handler: row.try_get("handler")?,
            id: row.try_get("id")?,
            generation,
            attempts,
            order_id: row.try_get("order_id")?,
            event: bytes("event")?,
            failures,
        })
    }

    fn settlement<'a>(&'a self, failures: &'a [u8]) -> Settlement<'a> {
        Settlement {
            id: self.id.into(),
            generation: self.generation,
            order_id: &self.order_id,
            outbox: Vec::new(),
            event: &self.event,
            failures,
            attempts: self.attempts,
            fate: Some(Fate::Dead { reason: Reason::RetryCancelled.code() }),
        }
    }

    /// The dead letter and the outcome go out by timers, since whoever withdraws may know no broker.
    async fn report(self, tx: &Transaction<'_>, worker: &str) -> Result<(), DbError> {
        let Withdrawn { handler, id, generation, order_id, event, failures, .. } = self;
        let event = Envelope::decode(&*event).ok();
        if event.as_ref().is_some_and(|event| is_report(event.event_type())) {
            tracing::warn!(handler, event = %id, "withdrawn; only the journal knows of it");
            return Ok(());
        }
        let reason = Reason::RetryCancelled.code().to_owned();
        let key = format!("{handler}/{id}/{generation}");
        let settled = Settled {
            worker: worker.to_owned(),
            handler: handler.clone(),
            event_id: id.to_string(),
            generation,
            order_id: order_id.clone(),
            outcome: "dead".to_owned(),
            reason: reason.clone(),
        };
        let letter = DeadLetter {
            worker: worker.to_owned(),
            handler,
            event_id: id.to_string(),
            generation,
            order_id,
            reason,
            failures: failures.failures,
            event,
            replayable: true,
        };
        set_timer(tx, worker, &format!("withdrawn/{key}"), Duration::ZERO, &letter).await?;
        set_timer(tx, worker, &format!("settled/{key}"), Duration::ZERO, &settled).await
    }
}
