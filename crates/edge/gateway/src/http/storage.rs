//! Reads and commits of requests, for no longer than their senders wait.

use std::time::Duration;

use despatch_contracts::Trace;
use despatch_runtime::{Database, DbError};
use uuid::Uuid;

use super::error::ApiError;
use crate::ingest::queue::{IngestQueue, Receipt};
use crate::ingest::store;
use crate::ingest::submission::Submission;

/// Access to the gateway's own database and to the workers'.
pub(crate) struct Storage {
    queue: IngestQueue,
    database: Database,
    /// How long a read may take: as long as a commit.
    read_wait: Duration,
    retry_after_seconds: u64,
}

impl Storage {
    pub(crate) fn new(
        queue: IngestQueue,
        database: Database,
        read_wait: Duration,
        retry_after_seconds: u64,
    ) -> Self {
        Storage { queue, database, read_wait, retry_after_seconds }
    }

    /// Commits a request's submission; returns once it is committed.
    pub(crate) async fn submit(&self, submission: Submission, trace: Trace) -> Result<Receipt, ApiError> {
        let submitted = self.queue.submit(submission, trace).await;
        submitted.map_err(|error| ApiError::not_submitted(error, self.retry_after_seconds))
    }

    /// Returns the natural key of an order; `None` if it was never accepted.
    pub(crate) async fn natural_key(&self, order_id: Uuid) -> Result<Option<(String, String)>, ApiError> {
        self.read(async { store::natural_key(&self.database.client().await?, order_id).await }).await
    }

    /// Reads from a database.
    pub(crate) async fn read<T>(
        &self,
        read: impl Future<Output = Result<T, DbError>>,
    ) -> Result<T, ApiError> {
        match tokio::time::timeout(self.read_wait, read).await {
            Ok(Ok(found)) => return Ok(found),
            Ok(Err(error)) => tracing::warn!(%error, "database read failed"),
            Err(_) => tracing::warn!(timeout = ?self.read_wait, "database read timed out"),
        }
        Err(ApiError::Unavailable { retry_after_seconds: self.retry_after_seconds })
    }
}
