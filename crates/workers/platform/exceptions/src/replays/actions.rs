//! Replays of many cases: a filter is frozen into a set first, so that exactly what was shown is replayed.

use std::time::Duration;

use despatch_contracts::exception::ReplayDue;
use despatch_runtime::{DbError, set_timer};
use tokio_postgres::GenericClient;

use super::advance::timer;
use super::bulk_replay::{Item, Job, JobEntry, JobState, Terms};
use super::store as jobs;
use crate::NAME;
use crate::cases::actions::{Desk, DeskError, given};
use crate::cases::store::Filter;

impl Desk {
    /// Freezes the cases that a filter finds now into a job's set. Nothing is replayed before it is started.
    pub async fn freeze(&self, filter: &Filter, terms: &Terms, who: &str) -> Result<Job, DeskError> {
        given("by", who)?;
        terms.check()?;
        let mut client = self.db.client().await?;
        let tx = client.transaction().await.map_err(DbError::from)?;
        let (id, count) = jobs::freeze(&*tx, filter, terms, who).await?;
        if count == 0 {
            return Err(DeskError::Nothing(filter.to_string()));
        }
        tx.commit().await.map_err(DbError::from)?;
        jobs::find(&**client, id).await?.ok_or(DeskError::NoJob(id))
    }

    /// The latest jobs, the newest first.
    pub async fn jobs(&self, limit: u32) -> Result<Vec<Job>, DeskError> {
        Ok(jobs::latest(&**self.db.client().await?, i64::from(limit)).await?)
    }

    /// A job with what was decided about it.
    pub async fn job(&self, id: i64) -> Result<(Job, Vec<JobEntry>), DeskError> {
        let client = self.db.client().await?;
        let job = jobs::find(&**client, id).await?.ok_or(DeskError::NoJob(id))?;
        Ok((job, jobs::history(&**client, id).await?))
    }

    /// The cases of a job's set after place `after`, at most `limit`, each with what became of it.
    pub async fn items(&self, id: i64, after: i32, limit: u32) -> Result<Vec<Item>, DeskError> {
        Ok(jobs::items(&**self.db.client().await?, id, after, i64::from(limit)).await?)
    }

    /// A dry run: how many of a job's pending cases would be replayed now, and how many skipped for which reason.
    pub async fn foresee(&self, id: i64) -> Result<(i64, Vec<(String, i64)>), DeskError> {
        let client = self.db.client().await?;
        let job = jobs::find(&**client, id).await?.ok_or(DeskError::NoJob(id))?;
        let mut skipped = jobs::foresee(&**client, id, &job.who).await?;
        let replayed = skipped.iter().position(|(why, _)| why.is_empty()).map(|place| skipped.remove(place));
        Ok((replayed.map_or(0, |(_, count)| count), skipped))
    }

    /// Begins a frozen job.
    pub async fn start(&self, id: i64, who: &str) -> Result<(), DeskError> {
        self.run(id, who, "started", &[JobState::Frozen], "only a frozen job can be started").await
    }

    /// Goes on with a job that was paused or stopped by itself, from the beginning of its canary.
    pub async fn resume(&self, id: i64, who: &str) -> Result<(), DeskError> {
        let from = [JobState::Paused, JobState::Stopped];
        self.run(id, who, "resumed", &from, "only a paused or stopped job can be resumed").await
    }

    /// Has no more cases replayed for now; what is under way ends by itself.
    pub async fn pause(&self, id: i64, who: &str) -> Result<(), DeskError> {
        let from = [JobState::Running];
        self.halt(id, who, "paused", &from, JobState::Paused, "only a running job can be paused").await
    }

    /// Has no more cases replayed for good; what is under way ends by itself.
    pub async fn cancel_job(&self, id: i64, who: &str) -> Result<(), DeskError> {
        let from = [JobState::Frozen, JobState::Running, JobState::Paused, JobState::Stopped];
        let wanted = "only a job that is not over can be cancelled";
        self.halt(id, who, "cancelled", &from, JobState::Cancelled, wanted).await
    }

    async fn run(
        &self,
        id: i64,
        who: &str,
        kind: &str,
        from: &[JobState],
        wanted: &'static str,
    ) -> Result<(), DeskError> {
        given("by", who)?;
        let mut client = self.db.client().await?;
        let tx = client.transaction().await.map_err(DbError::from)?;
        let Some(turn) = jobs::move_on(&*tx, id, from, JobState::Running).await? else {
            return Err(refusal(&*tx, id, wanted).await);
        };
        jobs::note(&*tx, id, who, kind, "").await?;
        let due = ReplayDue { job_id: id, turn, idle: 0 };
        set_timer(&tx, NAME, &timer(id), Duration::ZERO, &due).await?;
        Ok(tx.commit().await.map_err(DbError::from)?)
    }

    async fn halt(
        &self,
        id: i64,
        who: &str,
        kind: &str,
        from: &[JobState],
        to: JobState,
        wanted: &'static str,
    ) -> Result<(), DeskError> {
        given("by", who)?;
        let mut client = self.db.client().await?;
        let tx = client.transaction().await.map_err(DbError::from)?;
        if jobs::move_on(&*tx, id, from, to).await?.is_none() {
            return Err(refusal(&*tx, id, wanted).await);
        }
        if to == JobState::Cancelled {
            jobs::cancel_pending(&*tx, id).await?;
        }
        jobs::note(&*tx, id, who, kind, "").await?;
        Ok(tx.commit().await.map_err(DbError::from)?)
    }
}

/// Why a decision is not allowed as the job stands.
async fn refusal(db: &impl GenericClient, id: i64, wanted: &'static str) -> DeskError {
    match jobs::find(db, id).await {
        Ok(Some(Job { state, .. })) => DeskError::JobNotNow { id, wanted, state },
        Ok(None) => DeskError::NoJob(id),
        Err(error) => error.into(),
    }
}

impl Terms {
    fn check(&self) -> Result<(), DeskError> {
        if self.canary.contains(&0) {
            return Err(DeskError::Terms("canary", "steps of at least 1"));
        }
        if !(self.per_second.is_finite() && self.per_second > 0.0) {
            return Err(DeskError::Terms("per_second", "a rate above 0"));
        }
        if !(0.0..=1.0).contains(&self.stop_above) {
            return Err(DeskError::Terms("stop_above", "a share between 0 and 1"));
        }
        Ok(())
    }
}
