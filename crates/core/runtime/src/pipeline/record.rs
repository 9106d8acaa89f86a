//! The fourth stage: one transaction for everything that is ready.

use crate::pipeline::handle::handle;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use futures_util::future::{join, join3, lazy, try_join_all};
use opentelemetry::trace::SpanContext;
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tracing::Instrument;
use uuid::Uuid;

use crate::backoff::Backoff;
use crate::context::WorkerContext;
use crate::db::Transaction;
use crate::failpoint;
use crate::journal::{Disposition, Done};
use crate::pipeline::handle::BatchResult;
use crate::pipeline::outcome::{Outcome, OutcomeBuilder};
use crate::pipeline::publish::Recorded;
use crate::pipeline::split::{BatchFailure, split_batch};
use crate::pipeline::task::Task;
use crate::telemetry::Metrics;
use crate::telemetry::spans;
use crate::worker::{AfterCommit, HandlerSpec};

/// Records events until there are no more.
pub(crate) async fn record(
    ctx: Arc<WorkerContext>,
    spec: Arc<HandlerSpec>,
    metrics: Metrics,
    mut tasks: mpsc::UnboundedReceiver<Task>,
    next: mpsc::Sender<Recorded>,
) {
    while let Some(first) = tasks.recv().await {
        let mut permit = ctx.commit_permit().await;
        // The batch is collected after the permit is granted, so that it includes what became ready meanwhile.
        let mut ready = vec![first];
        while ready.len() < spec.policy.batch
            && let Ok(task) = tasks.try_recv()
        {
            ready.push(task);
        }
        let mut batches = VecDeque::from([ready]);
        let mut backoff = Backoff::new();
        while let Some(mut batch) = batches.pop_front() {
            if permit.is_none() {
                permit = ctx.commit_permit().await;
            }
            let span = tracing::debug_span!("record", handler = spec.name, events = batch.len());
            let kept =
                commit_batch(&ctx, &spec, &metrics, &mut batch, &next, permit.take()).instrument(span).await;
            let Err(failure) = kept else { continue };
            tracing::debug!(handler = spec.name, ?failure, "batch failed");
            let Some(parts) = split_batch(&ctx, &spec, batch, failure, &mut backoff).await else { return };
            parts.into_iter().rev().filter(|part| !part.is_empty()).for_each(|part| batches.push_front(part));
        }
        if next.is_closed() {
            // Without its publisher the pipeline must be built again.
            return;
        }
    }
}

/// Records a batch in one transaction and passes it on to the publisher. Afterwards the batch is empty unless it
/// failed. The permit is released when the commit is sent, so that a wait for the disk or the publisher delays no other
/// batch.
async fn commit_batch(
    ctx: &WorkerContext,
    spec: &HandlerSpec,
    metrics: &Metrics,
    batch: &mut Vec<Task>,
    next: &mpsc::Sender<Recorded>,
    permit: Option<OwnedSemaphorePermit>,
) -> Result<(), BatchFailure> {
    let (began, since) = (SystemTime::now(), Instant::now());
    let client = ctx.db.client().await?;
    ctx.journal.warm(&client).await?;
    let tx = Transaction::on(client);
    let written = match write(ctx, spec, &tx, batch, permit).await {
        Ok(written) => written,
        Err(failure) => {
            tx.roll_back().await;
            return Err(failure);
        }
    };
    tx.over();
    ctx.commits.note_success();
    failpoint::pass("after-commit");
    metrics.observe_stage("record", since);
    metrics.recorded(batch.len());
    let span = spans::recorded(ctx.worker, spec.name, began, batch.iter().map(|task| &task.event_span));
    // If the publisher is gone, the outbox batch still names the unpublished follow-ons.
    let _ = next.send(complete(metrics, batch, written, span)).await;
    Ok(())
}

/// A committed transaction.
struct Written {
    /// The outbox batches that name its events, if there is anything to publish.
    outbox_batches: Vec<i64>,
    outcomes: Vec<Outcome>,
    hooks: Vec<AfterCommit>,
}

/// Splits a committed batch into what to publish and what to ack. Counts each event's outcome and ends its span.
fn complete(
    metrics: &Metrics,
    batch: &mut Vec<Task>,
    written: Written,
    span: Option<SpanContext>,
) -> Recorded {
    let Written { outbox_batches, outcomes, hooks } = written;
    for hook in hooks {
        hook();
    }
    let (mut follow_ons, mut deliveries) = (Vec::new(), Vec::with_capacity(batch.len()));
    let mut counts = [("done", 0), ("retried", 0), ("deferred", 0), ("waits", 0), ("dead", 0)];
    for (task, outcome) in batch.drain(..).zip(outcomes) {
        let disposition = outcome.disposition;
        for (name, count) in &mut counts {
            *count += u64::from(*name == disposition.name());
        }
        if matches!(disposition, Disposition::Done | Disposition::Dead { .. }) {
            metrics.settled(outcome.attempts);
        }
        task.event_span.end(disposition.name(), outcome.attempts, span.as_ref());
        follow_ons.extend(outcome.follow_ons);
        deliveries.push(task.delivery);
    }
    for (name, count) in counts {
        metrics.count_dispositions(name, count);
    }
    Recorded { outbox_batches, follow_ons, span, deliveries }
}

/// Runs the handlers, writes each event's outcome, and commits. If it fails, events that cannot be kept are marked as
/// failed.
async fn write(
    ctx: &WorkerContext,
    spec: &HandlerSpec,
    tx: &Transaction,
    batch: &mut [Task],
    permit: Option<OwnedSemaphorePermit>,
) -> Result<Written, BatchFailure> {
    let handled = match handle(ctx, tx, batch).await? {
        BatchResult::Kept(handled) => handled,
        BatchResult::Undone { refused, put_off } => {
            for (index, failed) in refused {
                batch[index].fail(failed);
            }
            return Err(BatchFailure::Refused { put_off });
        }
    };
    let (mut results, mut hooks) = (Vec::with_capacity(handled.len()), Vec::new());
    for (task, handled) in batch.iter_mut().zip(handled) {
        match &handled.outcome {
            Ok(_) => hooks.extend(handled.hooks),
            Err(failed) => task.show_failure(spec.name, failed),
        }
        results.push(handled.outcome);
    }
    let builder = OutcomeBuilder::new(ctx, spec, tx, &results).await?;
    let outcomes: Vec<Outcome> =
        batch.iter().zip(results).map(|(task, result)| builder.build(task, result)).collect();
    // Follow-ons that the broker would refuse must not be committed.
    let mut all_publishable = true;
    for (task, outcome) in batch.iter_mut().zip(&outcomes) {
        if let Some(failed) = outcome.unpublishable(&ctx.broker) {
            task.fail(failed);
            all_publishable = false;
        }
    }
    if !all_publishable {
        return Err(BatchFailure::Refused { put_off: Vec::new() });
    }
    let outbox_batches = commit(ctx, spec, tx, batch, &outcomes, permit).await?;
    Ok(Written { outbox_batches, outcomes, hooks })
}

/// Writes the journal and the outbox batches, and commits. Returns the outbox batches, if there is anything to publish.
async fn commit(
    ctx: &WorkerContext,
    spec: &HandlerSpec,
    tx: &Transaction,
    batch: &[Task],
    outcomes: &[Outcome],
    permit: Option<OwnedSemaphorePermit>,
) -> Result<Vec<i64>, BatchFailure> {
    let (journal, client) = (&ctx.journal, tx.client());
    let started: Vec<Uuid> =
        batch.iter().filter(|task| task.quarantined.is_some()).map(|task| task.id().uuid()).collect();
    if !started.is_empty() {
        journal.end_starts(client, spec.name, &started).await?;
    }
    let (plain, others): (Vec<_>, Vec<_>) =
        batch.iter().zip(outcomes).partition(|(_, outcome)| outcome.is_plain());
    let rows: Vec<_> = others.into_iter().map(|(task, outcome)| outcome.journal_row(spec, task)).collect();
    if !journal.settle(client, &rows).await? {
        return Err(BatchFailure::Contention);
    }
    let done: Vec<Done<'_>> = plain
        .into_iter()
        .map(|(task, outcome)| Done { id: task.id(), subject: task.subject(), outbox: outcome.outbox() })
        .collect();
    // By the name in their rows: the handler's, except for rows from before a rename.
    let mut publishing: BTreeMap<&str, Vec<Uuid>> = BTreeMap::new();
    for (task, _) in batch.iter().zip(outcomes).filter(|(_, outcome)| !outcome.follow_ons.is_empty()) {
        publishing.entry(task.recorded_as(spec)).or_default().push(task.id().uuid());
    }
    let record =
        async { if done.is_empty() { Ok(()) } else { journal.done(client, spec.name, &done).await } };
    let open = try_join_all(publishing.iter().map(|(handler, events)| journal.open(client, handler, events)));
    failpoint::pass("before-commit");
    // All three are sent at once, because a commit after a failed statement rolls back. Polled in this order too. The
    // permit is released when all is sent, because waiting for the disk takes no core.
    let sent = lazy(|_| drop(permit));
    let ((recorded, opened), committed, ()) = join3(join(record, open), tx.commit(), sent).await;
    recorded?;
    let opened = opened?;
    committed?;
    Ok(opened)
}
