//! The handle on one worker's journal.

use crate::journal::sql::Statements;
use deadpool_postgres::GenericClient;

use crate::db::{DbError, hash};

/// One worker's journal, in the worker's schema.
pub(crate) struct Journal {
    schema: String,
    /// Separates this worker's concurrency keys from those of other workers in the same database.
    salt: i64,
    sql: Statements,
}

impl Journal {
    pub(crate) fn new(schema: &str) -> Self {
        Journal { schema: schema.to_owned(), salt: hash("worker", schema), sql: Statements::of(schema) }
    }

    pub(crate) fn schema(&self) -> &str {
        &self.schema
    }

    pub(crate) fn sql(&self) -> &Statements {
        &self.sql
    }

    /// Locks concurrency keys until the transaction ends. Keys are sorted, so that two batches cannot deadlock.
    pub(crate) async fn lock(&self, client: &impl GenericClient, keys: &[i64]) -> Result<(), DbError> {
        let keys: Vec<i64> = keys.iter().map(|key| key ^ self.salt).collect();
        let statement = client.prepare_cached(&self.sql.lock).await?;
        client.query(&statement, &[&keys]).await?;
        Ok(())
    }

    /// Prepares the statements of a transaction's pipelined part in advance. Preparing one within that part would send
    /// it late and so out of order.
    pub(crate) async fn warm(&self, client: &impl GenericClient) -> Result<(), DbError> {
        client.prepare_cached(&self.sql.lock).await?;
        client.prepare_cached(&self.sql.done).await?;
        client.prepare_cached(&self.sql.insert_outbox_batch).await?;
        Ok(())
    }
}

/// A nullable column's value; null for an empty one.
pub(crate) fn some(bytes: &[u8]) -> Option<&[u8]> {
    (!bytes.is_empty()).then_some(bytes)
}
