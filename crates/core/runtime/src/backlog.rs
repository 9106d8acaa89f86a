//! What a worker has not settled: for whoever waits for quiet, or shows what is stuck.

use crate::database::{Database, DbError};

/// What stands open in one worker's journal.
#[derive(Debug, Clone, Default)]
pub struct Backlog {
    /// Events that wait for their next try.
    pub waiting: u64,
    /// Batches whose follow-ons may not all be published.
    pub open_batches: u64,
    /// Events that are left to a person.
    pub dead: Vec<DeadEvent>,
}

/// A dead event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadEvent {
    /// The order that it is about.
    pub order_id: String,
    /// Who could not handle it.
    pub handler: String,
    /// Why.
    pub reason: String,
}

/// Looks into a worker's journal. `order_id` narrows the dead ones to one order.
pub async fn backlog(db: &Database, worker: &str, order_id: Option<&str>) -> Result<Backlog, DbError> {
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
    Ok(Backlog {
        waiting: count(0),
        open_batches: count(1),
        dead: dead
            .iter()
            .map(|row| DeadEvent { order_id: row.get(0), handler: row.get(1), reason: row.get(2) })
            .collect(),
    })
}
