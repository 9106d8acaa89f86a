//! When a batch could not be recorded: what is to be tried instead, so that nobody suffers for a neighbour.

use std::time::Duration;

use crate::admit::{GIVE_BACK, PATIENCE, settle_stale};
use crate::database::{DbError, DbErrorKind};
use crate::handler::Verdict;
use crate::host::Host;
use crate::job::{Failed, HandlerSpec};
use crate::journal::Admission;
use crate::retry::Patience;
use crate::task::{Task, Work};

/// When the broker is to hand over again what could not be journaled at all.
const UNWRITABLE: Duration = Duration::from_secs(30);

/// Why a transaction was not kept.
#[derive(Debug)]
pub(crate) enum Setback {
    /// The database is away.
    Unreachable(String),
    /// Another transaction was in the way, or faster.
    InTheWay,
    /// Events that had written something were refused by their handlers and are marked. The others run again, these
    /// ones (by index) apart from what they built on.
    Refused { put_off: Vec<usize> },
    /// A statement failed.
    Statement(String),
}

impl Setback {
    pub(crate) fn of(trouble: DbErrorKind, said: String) -> Self {
        match trouble {
            DbErrorKind::Unreachable => Setback::Unreachable(said),
            DbErrorKind::Contention => Setback::InTheWay,
            // A row that is there already may be another replica's: the journal will say so.
            DbErrorKind::Duplicate | DbErrorKind::Aftermath | DbErrorKind::Statement => {
                Setback::Statement(said)
            }
        }
    }
}

impl From<DbError> for Setback {
    fn from(error: DbError) -> Self {
        Setback::of(error.kind(), error.to_string())
    }
}

/// The batches that are to be recorded in the place of one that could not be kept. `None` when the process was told to
/// let go.
pub(crate) async fn mend(
    host: &Host,
    spec: &HandlerSpec,
    batch: Vec<Task>,
    setback: Setback,
    patience: &mut Patience,
) -> Option<Vec<Vec<Task>>> {
    let said = match setback {
        Setback::Refused { put_off } => return Some(apart(batch, &put_off)),
        Setback::Unreachable(why) => {
            host.health.not_ready(&host.database_part(), why);
            // What was performed is kept. What is only recorded another replica may record, if it has a database.
            if !spec.has_effects && !host.reaches_its_database(PATIENCE).await? {
                for task in batch {
                    task.delivery.give_back(GIVE_BACK).await;
                }
                return Some(Vec::new());
            }
            None
        }
        Setback::InTheWay => None,
        Setback::Statement(said) => Some(said),
    };
    if said.is_none() {
        tokio::select! {
            () = patience.wait() => {}
            () = host.abandon.cancelled() => return None,
        }
    }
    let tried = batch.len();
    let batch = readmit(host, spec, batch).await?;
    match said {
        // Nobody else's doing.
        Some(said) if batch.len() == tried => Some(split(spec, batch, said).await),
        _ => Some(vec![batch]),
    }
}

/// Takes the events at these places out of a batch, in order.
fn apart(batch: Vec<Task>, put_off: &[usize]) -> Vec<Vec<Task>> {
    let (mut now, mut later) = (Vec::with_capacity(batch.len()), Vec::with_capacity(put_off.len()));
    for (index, task) in batch.into_iter().enumerate() {
        if put_off.contains(&index) { later.push(task) } else { now.push(task) }
    }
    vec![now, later]
}

/// Halves a batch that a statement failed in. Alone, an event that still fails has only itself to blame.
async fn split(spec: &HandlerSpec, mut batch: Vec<Task>, said: String) -> Vec<Vec<Task>> {
    if batch.len() > 1 {
        let rest = batch.split_off(batch.len() / 2);
        return vec![batch, rest];
    }
    let Some(mut task) = batch.pop() else { return Vec::new() };
    if let Work::Failed(_) = task.work {
        // Not even its failure can be written: something is wrong with the schema, and nobody else should wait for it.
        tracing::error!(handler = spec.name, event = %task.id(), error = said, "an event cannot be journaled");
        task.delivery.give_back(UNWRITABLE).await;
        return Vec::new();
    }
    task.fail(Failed { error: said, verdict: Verdict::Retry });
    vec![vec![task]]
}

/// Asks the journal again about events that could not be recorded, or had to wait: another replica may have been faster.
/// `None` when the process was told to let go.
pub(crate) async fn readmit(host: &Host, spec: &HandlerSpec, batch: Vec<Task>) -> Option<Vec<Task>> {
    let events: Vec<_> = batch.iter().map(|task| (task.id(), task.generation())).collect();
    let admissions = host
        .insist(|| async { host.journal.admit(&host.db.client().await?, spec.name, &events).await })
        .await?;
    let admissions = match admissions {
        Ok(admissions) => admissions,
        Err(error) => {
            tracing::error!(handler = spec.name, %error, "the journal cannot be read");
            return Some(batch);
        }
    };
    let (mut admitted, mut stale, mut suspects) = (Vec::with_capacity(batch.len()), Vec::new(), Vec::new());
    for (task, admission) in batch.into_iter().zip(admissions) {
        match admission {
            Admission::Stale => {
                if task.suspect.is_some() {
                    suspects.push(task.id().uuid());
                }
                stale.push(task.delivery);
            }
            Admission::New | Admission::Again(_) => admitted.push(task),
        }
    }
    if !suspects.is_empty() {
        let cleared = host
            .insist(|| async {
                host.journal.end_starts(&host.db.client().await?, spec.name, &suspects).await
            })
            .await?;
        if let Err(error) = cleared {
            tracing::warn!(handler = spec.name, %error, "start markers are left behind");
        }
    }
    if !stale.is_empty() {
        settle_stale(host, spec.name, stale).await;
    }
    Some(admitted)
}
