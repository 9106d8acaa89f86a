//! A worker's backlog, for code that waits for quiet or shows what is stuck.

use crate::db::{Database, DbError};

/// The unsettled events of one worker.
#[derive(Debug, Clone, Default)]
pub struct Backlog {
    /// Events that wait for their next try.
    pub waiting: u64,
    /// Outbox batches whose follow-ons may not all be published.
    pub outbox_batches: u64,
    /// Dead events, which a person decides about.
    pub dead: Vec<DeadEvent>,
}

/// A dead event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadEvent {
    /// The subject; empty if there is none.
    pub subject: String,
    /// The handler that could not handle it.
    pub handler: String,
    /// The reason.
    pub reason: String,
}

/// Reads a worker's backlog. `subject` limits the dead events to one subject.
pub async fn backlog(db: &Database, worker: &str, subject: Option<&str>) -> Result<Backlog, DbError> {
    let client = db.client().await?;
    let counts = format!(
        "select (select count(*) from {worker}.journal where state = 'waiting'),
                (select count(*) from {worker}.outbox_batch)"
    );
    let row = client.query_one(&counts, &[]).await?;
    let dead = format!(
        "select subject, handler, coalesce(reason, '') from {worker}.journal
          where state = 'dead' and ($1::text is null or subject = $1)"
    );
    let dead = client.query(&dead, &[&subject]).await?;
    let count = |index: usize| u64::try_from(row.get::<_, i64>(index)).unwrap_or_default();
    Ok(Backlog {
        waiting: count(0),
        outbox_batches: count(1),
        dead: dead
            .iter()
            .map(|row| DeadEvent { subject: row.get(0), handler: row.get(1), reason: row.get(2) })
            .collect(),
    })
}
