//! Reads bulk replays for people.

use despatch_runtime::Database;

use super::bulk_replay::{BulkReplay, DryRun, ReplayFailure, ReplayHistoryEntry, ReplayItem};
use super::error::ReplayError;
use super::store;

/// Reads bulk replays in the exceptions worker's database.
#[derive(Debug, Clone)]
pub struct ReplayQueries {
    db: Database,
}

impl ReplayQueries {
    /// Reads from the exceptions worker's database.
    pub fn new(db: Database) -> Self {
        ReplayQueries { db }
    }

    /// The latest bulk replays, newest first.
    pub async fn list(&self, limit: u32) -> Result<Vec<BulkReplay>, ReplayError> {
        Ok(store::latest(&**self.db.client().await?, i64::from(limit)).await?)
    }

    /// A bulk replay with its history, oldest entry first.
    pub async fn show(&self, id: i64) -> Result<(BulkReplay, Vec<ReplayHistoryEntry>), ReplayError> {
        let client = self.db.client().await?;
        let replay = store::find(&**client, id).await?.ok_or(ReplayError::Unknown(id))?;
        Ok((replay, store::history(&**client, id).await?))
    }

    /// The cases of a bulk replay's set, in order: at most `limit`, after place `after`.
    pub async fn items(&self, id: i64, after: i32, limit: u32) -> Result<Vec<ReplayItem>, ReplayError> {
        Ok(store::items(&**self.db.client().await?, id, after, i64::from(limit)).await?)
    }

    /// The case of a bulk replay that was the last to fail again; `None` when none did.
    pub async fn last_failure(&self, id: i64) -> Result<Option<ReplayFailure>, ReplayError> {
        Ok(store::last_failure(&**self.db.client().await?, id).await?)
    }

    /// The effect that a bulk replay would have on its pending cases now.
    pub async fn dry_run(&self, id: i64) -> Result<DryRun, ReplayError> {
        let client = self.db.client().await?;
        let replay = store::find(&**client, id).await?.ok_or(ReplayError::Unknown(id))?;
        Ok(store::dry_run(&**client, id, &replay.created_by).await?)
    }
}
