//! The third stage, for handlers that ask the outside: prepare and perform, many events at once.

use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use futures_util::future::FutureExt;
use futures_util::stream::{FuturesUnordered, StreamExt};
use tokio::sync::mpsc;
use tracing::Instrument;

use crate::database::Reader;
use crate::effects::Attempt;
use crate::failpoint;
use crate::handler::Verdict;
use crate::host::Host;
use crate::job::{Failed, HandlerSpec, Job};
use crate::meters::Meters;
use crate::retry::Patience;
use crate::spans;
use crate::task::{Task, Work};

/// Performs events until no more come; each goes on as soon as it is done, so a slow one holds up nobody.
pub(crate) async fn perform(
    host: Arc<Host>,
    spec: HandlerSpec,
    meters: Meters,
    mut tasks: mpsc::UnboundedReceiver<Task>,
    next: mpsc::UnboundedSender<Task>,
) {
    let mut underway = FuturesUnordered::new();
    let mut more = true;
    while more || !underway.is_empty() {
        tokio::select! {
            task = tasks.recv(), if more && underway.len() < spec.policy.concurrency => match task {
                Some(task) => underway.push(one(&host, &spec, &meters, task)),
                None => more = false,
            },
            Some(task) = underway.next(), if !underway.is_empty() => {
                let Some(task) = task else { return };
                failpoint::pass("after-perform");
                if next.send(task).is_err() {
                    return;
                }
            }
        }
    }
}

/// `None` when the process was told to let go.
async fn one(host: &Host, spec: &HandlerSpec, meters: &Meters, mut task: Task) -> Option<Task> {
    let attempt = Attempt {
        order_id: task.order_id().to_owned(),
        event_id: task.id(),
        generation: task.generation(),
        number: task.history.attempts + 1,
        ledger: host.ledger.clone(),
        unreachable: AtomicBool::new(false),
    };
    let Work::Handle { job, .. } = &mut task.work else { return Some(task) };
    let trace_id = task.handling.trace.trace_id;
    let began = Instant::now();
    let mut patience = Patience::new();
    loop {
        let prepare =
            tracing::debug_span!("prepare", handler = spec.name, event = %task.delivery.id, %trace_id);
        let perform =
            tracing::debug_span!("perform", handler = spec.name, event = %task.delivery.id, %trace_id);
        let tried = async {
            spans::within(
                "prepare",
                spec.name,
                &task.handling,
                prepared(host, job.as_mut()).instrument(prepare),
            )
            .await?;
            let performed = guarded(job.perform(&attempt)).instrument(perform);
            spans::within("perform", spec.name, &task.handling, performed).await.map_err(Setback::Failed)
        };
        let setback = tokio::select! {
            tried = tried => tried.err(),
            () = host.abandon.cancelled() => return None,
        };
        match setback {
            None => break,
            // The database is away: that is nobody's attempt.
            Some(Setback::Failed(_)) if attempt.lost() => attempt.found(),
            Some(Setback::Lost) => {}
            Some(Setback::Failed(failed)) => {
                task.fail(failed);
                break;
            }
        }
        host.health.not_ready(&host.database_part(), "unreachable");
        tokio::select! {
            () = patience.wait() => {}
            () = host.abandon.cancelled() => return None,
        }
    }
    meters.took("perform", began);
    Some(task)
}

enum Setback {
    Lost,
    Failed(Failed),
}

async fn prepared(host: &Host, job: &mut dyn Job) -> Result<(), Setback> {
    let snapshot = Reader::new(&host.gatherer);
    let prepared = guarded(job.prepare(&snapshot)).await;
    prepared.map_err(|failed| if snapshot.lost() { Setback::Lost } else { Setback::Failed(failed) })
}

/// A handler that panics fails its own event, nobody else's.
pub(crate) async fn guarded<T>(work: impl Future<Output = Result<T, Failed>>) -> Result<T, Failed> {
    match AssertUnwindSafe(work).catch_unwind().await {
        Ok(outcome) => outcome,
        Err(panic) => Err(panicked(panic.as_ref())),
    }
}

/// What a panic means for the event that it happened to.
pub(crate) fn panicked(panic: &(dyn Any + Send)) -> Failed {
    let said = panic
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_default();
    Failed { error: format!("the handler panicked: {said}"), verdict: Verdict::Retry }
}
