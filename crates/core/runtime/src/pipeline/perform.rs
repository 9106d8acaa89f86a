//! The third stage, for handlers with effects: prepares and performs many events at once.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use despatch_domain::Reason;
use futures_util::stream::{FuturesUnordered, StreamExt};
use tokio::sync::mpsc;
use tracing::Instrument;

use crate::backoff::Backoff;
use crate::breaker::Breaker;
use crate::context::WorkerContext;
use crate::db::Reader;
use crate::failpoint;
use crate::journal::Attempt;
use crate::pipeline::guard::guarded;
use crate::pipeline::task::{Task, Work};
use crate::telemetry::Metrics;
use crate::telemetry::spans;
use crate::worker::{BoundEvent, Failed, HandlerSpec, Verdict};

/// Performs events until there are no more. Each goes on as soon as it is done, so a slow one delays no other.
pub(crate) async fn perform(
    ctx: Arc<WorkerContext>,
    spec: Arc<HandlerSpec>,
    metrics: Metrics,
    mut tasks: mpsc::UnboundedReceiver<Task>,
    next: mpsc::UnboundedSender<Task>,
) {
    let mut underway = FuturesUnordered::new();
    let mut more = true;
    while more || !underway.is_empty() {
        tokio::select! {
            task = tasks.recv(), if more && underway.len() < spec.policy.concurrency => match task {
                Some(task) => underway.push(one(&ctx, &spec, &metrics, task)),
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

/// Prepares and performs one event; returns `None` if the process abandons its work.
async fn one(ctx: &WorkerContext, spec: &HandlerSpec, metrics: &Metrics, mut task: Task) -> Option<Task> {
    let attempt = Attempt {
        subject: task.subject().to_owned(),
        event_id: task.id(),
        generation: task.generation(),
        number: task.history.attempts + 1,
        ledger: ctx.ledger.clone(),
        unreachable: AtomicBool::new(false),
    };
    let Work::Handle { event, .. } = &mut task.work else { return Some(task) };
    let trace_id = task.event_span.trace.trace_id;
    let began = Instant::now();
    let breaker = spec.provider.and_then(|provider| ctx.breakers.get(provider.name));
    let was_held = task.history.was_held();
    let mut backoff = Backoff::new();
    loop {
        let prepare =
            tracing::debug_span!("prepare", handler = spec.name, event = %task.delivery.id, %trace_id);
        let perform =
            tracing::debug_span!("perform", handler = spec.name, event = %task.delivery.id, %trace_id);
        let tried = async {
            spans::in_span(
                "prepare",
                spec.name,
                &task.event_span,
                prepared(ctx, event.as_mut()).instrument(prepare),
            )
            .await?;
            let breaker = breaker.filter(|_| event.asks_provider());
            if let Some(breaker) = breaker.filter(|breaker| !breaker.is_closed() && !was_held) {
                return Err(PerformFailure::Failed(held(breaker)));
            }
            let performed = guarded(event.perform(&attempt)).instrument(perform);
            let performed = spans::in_span("perform", spec.name, &task.event_span, performed).await;
            if let Some(breaker) = breaker {
                note(breaker, &attempt, performed.as_ref().err());
            }
            performed.map_err(PerformFailure::Failed)
        };
        let failure = tokio::select! {
            tried = tried => tried.err(),
            () = ctx.abandon.cancelled() => return None,
        };
        match failure {
            None => break,
            // The database is unreachable, so the try does not count.
            Some(PerformFailure::Failed(_)) if attempt.lost() => attempt.found(),
            Some(PerformFailure::Lost) => {}
            Some(PerformFailure::Failed(failed)) => {
                task.fail(failed);
                break;
            }
        }
        ctx.health.not_ready(&ctx.database_part(), "unreachable");
        tokio::select! {
            () = backoff.wait() => {}
            () = ctx.abandon.cancelled() => return None,
        }
    }
    metrics.observe_stage("perform", began);
    Some(task)
}

/// Returns the wait of an event whose provider is not asked, because others found it out of service.
fn held(breaker: &Breaker) -> Failed {
    let error = format!("{} is out of service: not asked", breaker.provider.name);
    Failed { error, verdict: Verdict::Down(Duration::ZERO) }
}

/// Tells the breaker what became of a request.
fn note(breaker: &Breaker, attempt: &Attempt, failed: Option<&Failed>) {
    let Some(Failed { error, verdict }) = failed else { return breaker.answered() };
    match verdict {
        Verdict::Refused => breaker.failed(Reason::ProviderRefused, attempt.event_id, error),
        Verdict::Down(_) => breaker.failed(Reason::ProviderDown, attempt.event_id, error),
        Verdict::PutOff | Verdict::Reject(_) => breaker.answered(),
        // Perhaps the provider was not asked.
        Verdict::Retry | Verdict::RetryAfter(_) | Verdict::NotYet | Verdict::Defer(_) => {}
    }
}

enum PerformFailure {
    Lost,
    Failed(Failed),
}

async fn prepared(ctx: &WorkerContext, event: &mut dyn BoundEvent) -> Result<(), PerformFailure> {
    let snapshot = Reader::new(&ctx.batcher);
    let prepared = guarded(event.prepare(&snapshot)).await;
    prepared
        .map_err(|failed| if snapshot.lost() { PerformFailure::Lost } else { PerformFailure::Failed(failed) })
}
