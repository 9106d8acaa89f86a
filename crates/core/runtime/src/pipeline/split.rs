//! Splits a batch that could not be recorded, so that one event does not fail its neighbours.

use std::time::Duration;

use crate::backoff::Backoff;
use crate::context::WorkerContext;
use crate::db::{DbError, DbErrorKind};
use crate::journal::Admission;
use crate::pipeline::stale::{GIVE_BACK, OUTAGE_TOLERANCE, settle_stale};
use crate::pipeline::task::{Task, Work};
use crate::worker::{Failed, HandlerSpec, Verdict};

/// Delay before the broker delivers an event again that could not be journaled at all.
const UNWRITABLE: Duration = Duration::from_secs(30);

/// Why a transaction was not kept.
#[derive(Debug)]
pub(crate) enum BatchFailure {
    /// The database is unreachable.
    Unreachable(String),
    /// Another transaction was in the way, or faster.
    Contention,
    /// Events that had written were rejected by their handlers and are marked. The others run again; those in `put_off`
    /// (by index) apart from the events that they built on.
    Refused { put_off: Vec<usize> },
    /// A statement failed.
    Statement(String),
}

impl BatchFailure {
    pub(crate) fn of(trouble: DbErrorKind, said: String) -> Self {
        match trouble {
            DbErrorKind::Unreachable => BatchFailure::Unreachable(said),
            DbErrorKind::Contention => BatchFailure::Contention,
            // An existing row may be another replica's: the journal decides.
            DbErrorKind::Duplicate | DbErrorKind::Data | DbErrorKind::Aftermath | DbErrorKind::Statement => {
                BatchFailure::Statement(said)
            }
        }
    }
}

impl From<DbError> for BatchFailure {
    fn from(error: DbError) -> Self {
        BatchFailure::of(error.kind(), error.to_string())
    }
}

/// Returns the batches to record in place of one that could not be kept. Returns `None` if the process abandons its
/// work.
pub(crate) async fn split_batch(
    ctx: &WorkerContext,
    spec: &HandlerSpec,
    batch: Vec<Task>,
    failure: BatchFailure,
    backoff: &mut Backoff,
) -> Option<Vec<Vec<Task>>> {
    let said = match failure {
        BatchFailure::Refused { put_off } => return Some(partition(batch, &put_off)),
        BatchFailure::Unreachable(why) => {
            ctx.health.not_ready(&ctx.database_part(), why);
            // A performed result is kept. An event that is only recorded is given back, because another replica may
            // have a database.
            if !spec.has_effects && !ctx.reaches_database(OUTAGE_TOLERANCE).await? {
                for task in batch {
                    task.delivery.give_back(GIVE_BACK).await;
                }
                return Some(Vec::new());
            }
            None
        }
        BatchFailure::Contention => None,
        BatchFailure::Statement(said) => Some(said),
    };
    if said.is_none() {
        tokio::select! {
            () = backoff.wait() => {}
            () = ctx.abandon.cancelled() => return None,
        }
    }
    let tried = batch.len();
    let batch = recheck(ctx, spec, batch).await?;
    match said {
        // The single event that was tried is the cause.
        Some(said) if batch.len() == tried => Some(split(spec, batch, said).await),
        _ => Some(vec![batch]),
    }
}

/// Takes the events at these indexes out of a batch, in order.
fn partition(batch: Vec<Task>, put_off: &[usize]) -> Vec<Vec<Task>> {
    let (mut now, mut later) = (Vec::with_capacity(batch.len()), Vec::with_capacity(put_off.len()));
    for (index, task) in batch.into_iter().enumerate() {
        if put_off.contains(&index) { later.push(task) } else { now.push(task) }
    }
    vec![now, later]
}

/// Halves a batch in which a statement failed. An event that still fails alone is itself the cause.
async fn split(spec: &HandlerSpec, mut batch: Vec<Task>, said: String) -> Vec<Vec<Task>> {
    if batch.len() > 1 {
        let rest = batch.split_off(batch.len() / 2);
        return vec![batch, rest];
    }
    let Some(mut task) = batch.pop() else { return Vec::new() };
    if let Work::Failed(_) = task.work {
        // Even the failure cannot be written: the schema is damaged, and no other event should wait for this one.
        tracing::error!(handler = spec.name, event = %task.id(), error = said, "event not journaled");
        task.delivery.give_back(UNWRITABLE).await;
        return Vec::new();
    }
    task.fail(Failed { error: said, verdict: Verdict::Retry });
    vec![vec![task]]
}

/// Looks up events again that could not be recorded or had to wait, because another replica may have been faster.
/// Returns `None` if the process abandons its work.
pub(crate) async fn recheck(ctx: &WorkerContext, spec: &HandlerSpec, batch: Vec<Task>) -> Option<Vec<Task>> {
    let names = spec.names();
    let events: Vec<_> = batch.iter().map(|task| (task.id(), task.generation())).collect();
    let admissions = ctx
        .retry_until_reachable(|| async { ctx.journal.admit(&ctx.db.client().await?, &names, &events).await })
        .await?;
    let admissions = match admissions {
        Ok(admissions) => admissions,
        Err(error) => {
            tracing::error!(handler = spec.name, %error, "journal read failed");
            return Some(batch);
        }
    };
    let (mut admitted, mut stale, mut quarantine) = (Vec::with_capacity(batch.len()), Vec::new(), Vec::new());
    for (task, admission) in batch.into_iter().zip(admissions) {
        match admission {
            Admission::Stale => {
                if task.quarantined.is_some() {
                    quarantine.push(task.id().uuid());
                }
                stale.push(task.delivery);
            }
            Admission::New | Admission::Again(_) => admitted.push(task),
        }
    }
    if !quarantine.is_empty() {
        let cleared = ctx
            .retry_until_reachable(|| async {
                ctx.journal.end_starts(&ctx.db.client().await?, spec.name, &quarantine).await
            })
            .await?;
        if let Err(error) = cleared {
            tracing::warn!(handler = spec.name, %error, "start markers left behind");
        }
    }
    if !stale.is_empty() {
        settle_stale(ctx, spec, stale).await;
    }
    Some(admitted)
}
