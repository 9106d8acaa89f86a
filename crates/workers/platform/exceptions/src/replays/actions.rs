//! People's actions on bulk replays. The set is chosen first, so that exactly the cases that a person was shown are
//! replayed. Each action takes one request and returns the bulk replay after it.

use std::time::Duration;

use despatch_contracts::exception::BulkReplayDue;
use despatch_runtime::{Database, DbError, set_timer};
use tokio_postgres::GenericClient;

use super::advance::timer;
use super::bulk_replay::{BulkReplay, ReplayState};
use super::error::ReplayError;
use super::requests::{BulkReplayRequest, CreateBulkReplayRequest};
use super::store;
use crate::required::required;
use crate::schema::NAME;

/// Acts on bulk replays in the exceptions worker's database.
#[derive(Debug, Clone)]
pub struct ReplayActions {
    db: Database,
}

/// A change of state that a person requests.
struct Transition {
    /// Its kind in the history.
    kind: &'static str,
    from: &'static [ReplayState],
    to: ReplayState,
    /// Which states allow it, for a person whose bulk replay is in another.
    requirement: &'static str,
}

const START: Transition = Transition {
    kind: "started",
    from: &[ReplayState::Created],
    to: ReplayState::Running,
    requirement: "only a created bulk replay can be started",
};

const PAUSE: Transition = Transition {
    kind: "paused",
    from: &[ReplayState::Running],
    to: ReplayState::Paused,
    requirement: "only a running bulk replay can be paused",
};

const RESUME: Transition = Transition {
    kind: "resumed",
    from: &[ReplayState::Paused, ReplayState::Stopped],
    to: ReplayState::Running,
    requirement: "only a paused or stopped bulk replay can be resumed",
};

const CANCEL: Transition = Transition {
    kind: "cancelled",
    from: &[ReplayState::Created, ReplayState::Running, ReplayState::Paused, ReplayState::Stopped],
    to: ReplayState::Cancelled,
    requirement: "only a bulk replay that has not ended can be cancelled",
};

impl ReplayActions {
    /// Acts in the exceptions worker's database.
    pub fn new(db: Database) -> Self {
        ReplayActions { db }
    }

    /// Creates a bulk replay of the cases that match the filter now. Nothing is replayed before it is started.
    pub async fn create(&self, request: &CreateBulkReplayRequest) -> Result<BulkReplay, ReplayError> {
        let CreateBulkReplayRequest { filter, plan, actor } = request;
        required("actor", actor)?;
        plan.check()?;
        let mut client = self.db.client().await?;
        let tx = client.transaction().await.map_err(DbError::from)?;
        let (id, count) = store::create(&*tx, filter, plan, actor).await?;
        if count == 0 {
            return Err(ReplayError::NoCases(filter.to_string()));
        }
        let created = found(&*tx, id).await?;
        tx.commit().await.map_err(DbError::from)?;
        Ok(created)
    }

    /// Starts a created bulk replay.
    pub async fn start(&self, request: &BulkReplayRequest) -> Result<BulkReplay, ReplayError> {
        self.make(&START, request).await
    }

    /// Resumes a bulk replay that was paused or that stopped by itself, at the beginning of its canary.
    pub async fn resume(&self, request: &BulkReplayRequest) -> Result<BulkReplay, ReplayError> {
        self.make(&RESUME, request).await
    }

    /// Replays no more cases for now. Replays in flight still end with an outcome.
    pub async fn pause(&self, request: &BulkReplayRequest) -> Result<BulkReplay, ReplayError> {
        self.make(&PAUSE, request).await
    }

    /// Replays no more cases, finally. Replays in flight still end with an outcome.
    pub async fn cancel(&self, request: &BulkReplayRequest) -> Result<BulkReplay, ReplayError> {
        self.make(&CANCEL, request).await
    }

    async fn make(
        &self,
        transition: &Transition,
        request: &BulkReplayRequest,
    ) -> Result<BulkReplay, ReplayError> {
        let Transition { kind, from, to, requirement } = *transition;
        let BulkReplayRequest { id, ref actor } = *request;
        required("actor", actor)?;
        let mut client = self.db.client().await?;
        let tx = client.transaction().await.map_err(DbError::from)?;
        let Some(tick) = store::set_state(&*tx, id, from, to).await? else {
            let BulkReplay { state, .. } = found(&*tx, id).await?;
            return Err(ReplayError::WrongState { id, requirement, state });
        };
        match to {
            ReplayState::Running => {
                let due = BulkReplayDue { bulk_replay_id: id, tick, idle_ticks: 0 };
                set_timer(&tx, NAME, &timer(id), Duration::ZERO, &due).await?;
            }
            ReplayState::Cancelled => store::cancel_pending(&*tx, id).await?,
            ReplayState::Created | ReplayState::Paused | ReplayState::Stopped | ReplayState::Finished => {}
        }
        store::add_history(&*tx, id, actor, kind, "").await?;
        let replay = found(&*tx, id).await?;
        tx.commit().await.map_err(DbError::from)?;
        Ok(replay)
    }
}

async fn found(db: &impl GenericClient, id: i64) -> Result<BulkReplay, ReplayError> {
    store::find(db, id).await?.ok_or(ReplayError::Unknown(id))
}
