//! The state that all handlers of one worker share in one process.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::backoff::Backoff;
use crate::breaker::Breakers;
use crate::clock::Clock;
use crate::db::{Database, DbError, DbErrorKind, QueryBatcher};
use crate::health::Health;
use crate::journal::{Journal, Ledger, OutboxBatch};
use crate::nats::{Broker, Published};
use crate::probe::Probe;
use crate::settings::Settings;

/// One worker in one process.
pub(crate) struct WorkerContext {
    pub(crate) worker: &'static str,
    pub(crate) settings: Arc<Settings>,
    pub(crate) db: Database,
    /// The deployment's time.
    pub(crate) clock: Arc<Clock>,
    pub(crate) journal: Arc<Journal>,
    pub(crate) broker: Broker,
    pub(crate) ledger: Ledger,
    /// The breakers of the providers that the worker asks.
    pub(crate) breakers: Breakers,
    /// Batches statements outside of transactions.
    pub(crate) batcher: Arc<QueryBatcher>,
    pub(crate) health: Health,
    /// Whether the database takes events.
    pub(crate) commits: Probe,
    /// Admits one redelivered event at a time in the whole process.
    pub(crate) quarantine: Arc<Semaphore>,
    /// Limits recording transactions to one per core, across all workers of the process. More would not raise
    /// throughput, only make batches smaller: a handler that waits for a permit collects a larger batch. The outbox
    /// takes no permit, because a shop waits for its answer.
    pub(crate) commit_permits: Arc<Semaphore>,
    /// Wakes the provisioner because a consumer is missing.
    pub(crate) consumer_missing: Arc<Notify>,
    /// Cancelled when the process drains: no new work begins.
    pub(crate) drain: CancellationToken,
    /// Cancelled when the drain's grace is over: work in flight is abandoned.
    pub(crate) abandon: CancellationToken,
}

impl WorkerContext {
    /// Runs database work again until the database is reachable; returns every other error to the caller. Returns
    /// `None` if the process abandons its work first.
    pub(crate) async fn retry_until_reachable<T, F>(
        &self,
        mut work: impl FnMut() -> F,
    ) -> Option<Result<T, DbError>>
    where
        F: Future<Output = Result<T, DbError>>,
    {
        let mut backoff = Backoff::new();
        loop {
            match work().await {
                Err(error) if error.kind() == DbErrorKind::Unreachable => {
                    self.health.not_ready(&self.database_part(), error.to_string());
                    tokio::select! {
                        () = backoff.wait() => {}
                        () = self.abandon.cancelled() => return None,
                    }
                }
                outcome => {
                    self.health.ready(&self.database_part());
                    return Some(outcome);
                }
            }
        }
    }

    /// Returns whether the database becomes reachable within `within`. Returns `None` if the process abandons its work
    /// first.
    pub(crate) async fn reaches_database(&self, within: Duration) -> Option<bool> {
        let reached = self.retry_until_reachable(|| async { self.db.client().await.map(drop) });
        match timeout(within, reached).await {
            Ok(reached) => reached.map(|reached| reached.is_ok()),
            Err(_) => Some(false),
        }
    }

    /// Closes an outbox batch: the stream has all of its follow-ons.
    pub(crate) async fn close(&self, batch: i64) -> Result<(), DbError> {
        self.batcher.ask(&self.journal.sql().close_batches, (batch,)).await.map(drop)
    }

    /// Waits for a permit to run a recording transaction. The semaphore is never closed; if it were, transactions would
    /// be unlimited.
    pub(crate) async fn commit_permit(&self) -> Option<OwnedSemaphorePermit> {
        self.commit_permits.clone().acquire_owned().await.ok()
    }

    /// Returns the database's name in the health report.
    pub(crate) fn database_part(&self) -> String {
        format!("postgres/{}", self.worker)
    }

    /// Publishes the follow-ons of an outbox batch that the stream lacks, and closes the batch.
    pub(crate) async fn publish_and_close(&self, batch: &OutboxBatch) -> Result<(), DbError> {
        let client = self.db.client().await?;
        let unpublished = self.journal.unpublished(&client, batch).await?;
        drop(client);
        if self.broker.publish(&unpublished.messages, &self.abandon).await == Published::All {
            self.close_except(batch.id, &unpublished.unreadable).await?;
        }
        Ok(())
    }

    /// Closes an outbox batch whose readable follow-ons are published. Unreadable ones keep it open.
    pub(crate) async fn close_except(&self, batch: i64, unreadable: &[Uuid]) -> Result<(), DbError> {
        if unreadable.is_empty() {
            return self.close(batch).await;
        }
        self.journal.narrow(&self.db.client().await?, batch, unreadable).await
    }
}
