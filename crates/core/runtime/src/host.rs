//! What all handlers of one worker in one process share.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::broker::{Broker, Published};
use crate::database::{Database, DbError, DbErrorKind};
use crate::effects::Ledger;
use crate::gather::QueryBatcher;
use crate::health::Health;
use crate::journal::{Journal, OpenBatch};
use crate::retry::Patience;
use crate::settings::Settings;

/// One worker in one process.
pub(crate) struct Host {
    pub(crate) worker: &'static str,
    pub(crate) settings: Arc<Settings>,
    pub(crate) db: Database,
    pub(crate) journal: Arc<Journal>,
    pub(crate) broker: Broker,
    pub(crate) ledger: Ledger,
    /// For statements outside of transactions.
    pub(crate) gatherer: Arc<QueryBatcher>,
    pub(crate) health: Health,
    /// One redelivered event at a time in the whole process.
    pub(crate) suspects: Arc<Semaphore>,
    /// As many transactions at a time as there are cores, over all workers of the process. More would not be faster,
    /// only smaller: whoever waits for a turn gathers a larger batch. What comes in takes none: somebody waits for its answer.
    pub(crate) turns: Arc<Semaphore>,
    /// A consumer is missing: the provisioner is to look now.
    pub(crate) missing: Arc<Notify>,
    /// The process drains: nothing new is begun.
    pub(crate) drain: CancellationToken,
    /// The drain's grace is over: what is held is let go.
    pub(crate) abandon: CancellationToken,
}

impl Host {
    /// Runs a piece of database work until the database can be reached; every other error is the caller's. `None` when
    /// the process was told to let go first.
    pub(crate) async fn insist<T, F>(&self, mut work: impl FnMut() -> F) -> Option<Result<T, DbError>>
    where
        F: Future<Output = Result<T, DbError>>,
    {
        let mut patience = Patience::new();
        loop {
            match work().await {
                Err(error) if error.kind() == DbErrorKind::Unreachable => {
                    self.health.not_ready(&self.database_part(), error.to_string());
                    tokio::select! {
                        () = patience.wait() => {}
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

    /// Whether the database can be reached within this time. `None` when the process was told to let go first.
    pub(crate) async fn reaches_its_database(&self, within: Duration) -> Option<bool> {
        let reached = self.insist(|| async { self.db.client().await.map(drop) });
        match timeout(within, reached).await {
            Ok(reached) => reached.map(|reached| reached.is_ok()),
            Err(_) => Some(false),
        }
    }

    /// Closes an open batch: the stream has all that it owed.
    pub(crate) async fn close(&self, batch: i64) -> Result<(), DbError> {
        self.gatherer.ask(&self.journal.sql().close, (batch,)).await.map(drop)
    }

    /// A turn to record. The semaphore is never closed; were it, everybody would have a turn at once.
    pub(crate) async fn turn(&self) -> Option<OwnedSemaphorePermit> {
        self.turns.clone().acquire_owned().await.ok()
    }

    /// The database's name in the health report.
    pub(crate) fn database_part(&self) -> String {
        format!("postgres/{}", self.worker)
    }

    /// Publishes what an open batch owes and closes it.
    pub(crate) async fn finish(&self, batch: &OpenBatch) -> Result<(), DbError> {
        let client = self.db.client().await?;
        let owed = self.journal.owed(&client, batch).await?;
        drop(client);
        if self.broker.publish(&owed.messages, &self.abandon).await == Published::All {
            self.close_but(batch.id, &owed.unreadable).await?;
        }
        Ok(())
    }

    /// The stream has what could be read of what an open batch owed. The rest, if any, keeps it open.
    pub(crate) async fn close_but(&self, batch: i64, unreadable: &[Uuid]) -> Result<(), DbError> {
        if unreadable.is_empty() {
            return self.close(batch).await;
        }
        self.journal.narrow(&self.db.client().await?, batch, unreadable).await
    }
}
