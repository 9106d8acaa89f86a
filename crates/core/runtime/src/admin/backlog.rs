//! What a worker has not settled: for whoever waits for quiet, or shows what is stuck.

use crate::db::{Database, DbError};

/// What stands open in one worker's journal.
#[derive(Debug, Clone, Default)]
pub struct Backlog {
    /// Events that wait for their next try.
    pub waiting: u64,
    /// Batches whose follow-ons may not all be published.
    pub outbox_batches: u64,
    /// Events that are left to a person.
    pub dead: Vec<DeadEvent>,
}

/// A dead event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadEvent {
    /// What it is about; empty for nothing in particular.
    pub subject: String,
    /// Who could not handle it.
    pub handler: String,
    /// Why.
    pub reason: String,
}

/// Looks into a worker's journal. `subject` narrows the dead ones to one order.
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
