//! Lists pending retries.

use std::time::SystemTime;

use despatch_contracts::runtime::Failures;
use prost::Message as _;
use uuid::Uuid;

use crate::db::{Database, DbError};

/// An event that waits for its next try.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PendingRetry {
    /// The handler that could not handle it yet.
    pub handler: String,
    /// The event's id.
    pub event_id: Uuid,
    /// The subject; empty if there is none.
    pub subject: String,
    /// The time of the next try, by the database's clock.
    pub due: SystemTime,
    /// Tries so far that count.
    pub attempts: i32,
    /// The error of the last try.
    pub error: String,
    /// The provider whose circuit breaker holds the event, if one does; then `due` says nothing.
    pub held_by: Option<String>,
}

/// Lists a worker's pending retries that the filter matches, the next first; at most `limit`.
pub async fn list_retries(
    db: &Database,
    worker: &str,
    filter: &RetryFilter,
    limit: u32,
) -> Result<Vec<PendingRetry>, DbError> {
    let sql = format!(
        "select handler, id, subject, due, attempts, failures, held_by
           from {worker}.retry join {worker}.journal using (id, handler)
          where state = 'waiting' and {MATCHES} order by due limit $3"
    );
    let client = db.client().await?;
    let rows = client.query(&sql, &[&filter.handler, &filter.event_id, &i64::from(limit)]).await?;
    let waiting = rows.iter().map(|row| {
        // The journal wrote this, so it can be decoded.
        let failures = row.try_get::<_, Option<&[u8]>>("failures")?.unwrap_or_default();
        let failures = Failures::decode(failures).unwrap_or_default().failures;
        Ok(PendingRetry {
            handler: row.try_get("handler")?,
            event_id: row.try_get("id")?,
            subject: row.try_get("subject")?,
            due: row.try_get("due")?,
            attempts: row.try_get("attempts")?,
            error: failures.last().map(|failure| failure.error.clone()).unwrap_or_default(),
            held_by: row.try_get("held_by")?,
        })
    });
    waiting.collect()
}

/// A filter of pending retries; `None` matches all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RetryFilter {
    /// A handler, e.g. `labels.create`.
    pub handler: Option<String>,
    /// A single event.
    pub event_id: Option<Uuid>,
}

/// Counts a worker's pending retries.
pub async fn count_retries(db: &Database, worker: &str, filter: &RetryFilter) -> Result<u64, DbError> {
    let sql = format!("select count(*) from {worker}.retry where {MATCHES}");
    let row = db.client().await?.query_one(&sql, &[&filter.handler, &filter.event_id]).await?;
    Ok(u64::try_from(row.get::<_, i64>(0)).unwrap_or_default())
}

/// Returns up to two of a worker's pending retries with ids between these two, which is enough to see whether there are
/// several.
pub async fn retries_between(
    db: &Database,
    worker: &str,
    (first, last): (Uuid, Uuid),
) -> Result<Vec<Uuid>, DbError> {
    let sql = format!("select distinct id from {worker}.retry where id between $1 and $2 limit 2");
    let rows = db.client().await?.query(&sql, &[&first, &last]).await?;
    Ok(rows.iter().map(|row| row.try_get(0)).collect::<Result<_, _>>()?)
}

const MATCHES: &str = "($1::text is null or handler = $1) and ($2::uuid is null or id = $2)";
