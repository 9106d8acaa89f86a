//! What a worker has not settled: for whoever waits for quiet, or shows what is stuck.

use std::time::SystemTime;

use despatch_contracts::runtime::Failures;
use prost::Message as _;
use uuid::Uuid;

use crate::database::{Database, DbError};

/// What stands open in one worker's journal.
#[derive(Debug, Clone, Default)]
pub struct Standing {
    /// Events that wait for their next try.
    pub waiting: u64,
    /// Batches whose follow-ons may not all be published.
    pub open_batches: u64,
    /// Events that are left to a person.
    pub dead: Vec<Dead>,
}

/// A dead event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dead {
    /// The order that it is about.
    pub order_id: String,
    /// Who could not handle it.
    pub handler: String,
    /// Why.
    pub reason: String,
}

/// Looks into a worker's journal. `order_id` narrows the dead ones to one order.
pub async fn standing(db: &Database, worker: &str, order_id: Option<&str>) -> Result<Standing, DbError> {
    let client = db.client().await?;
    let counts = format!(
        "select (select count(*) from {worker}.journal where state = 'waiting'),
                (select count(*) from {worker}.open_batch)"
    );
    let row = client.query_one(&counts, &[]).await?;
    let dead = format!(
        "select order_id, handler, coalesce(reason, '') from {worker}.journal
          where state = 'dead' and ($1::text is null or order_id = $1)"
    );
    let dead = client.query(&dead, &[&order_id]).await?;
    let count = |index: usize| u64::try_from(row.get::<_, i64>(index)).unwrap_or_default();
    Ok(Standing {
        waiting: count(0),
        open_batches: count(1),
        dead: dead
            .iter()
            .map(|row| Dead { order_id: row.get(0), handler: row.get(1), reason: row.get(2) })
            .collect(),
    })
}

/// An event that waits for its next try.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
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
pub async fn retries(db: &Database, worker: &str, limit: u32) -> Result<Vec<Waiting>, DbError> {
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
        Ok(Waiting {
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

/// Which waiting events; what is `None` does not matter.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Which {
    /// E.g. `labels.create`.
    pub handler: Option<String>,
    /// A single event.
    pub event_id: Option<Uuid>,
}

/// How many of a worker's events wait for a time that has not come.
pub async fn waiting(db: &Database, worker: &str, which: &Which) -> Result<u64, DbError> {
    let sql = format!("select count(*) from {worker}.retry where {WAITS}");
    let row = db.client().await?.query_one(&sql, &[&which.handler, &which.event_id]).await?;
    Ok(u64::try_from(row.get::<_, i64>(0)).unwrap_or_default())
}

/// Has waiting events tried now; answers how many. It costs no attempt that waiting would not have cost.
pub async fn hurry(db: &Database, worker: &str, which: &Which) -> Result<u64, DbError> {
    let sql = format!("update {worker}.retry set due = now() where {WAITS}");
    Ok(db.client().await?.execute(&sql, &[&which.handler, &which.event_id]).await?)
}

const WAITS: &str = "due > now() and ($1::text is null or handler = $1) and ($2::uuid is null or id = $2)";
