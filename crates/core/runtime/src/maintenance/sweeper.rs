//! Finishes outbox batches that the process which opened them did not.

use crate::maintenance::relay::{PUBLISH_TIMEOUT, publish};
use tokio::time::Instant;

use crate::context::WorkerContext;
use crate::db::DbError;
use crate::maintenance::relay::Progress;
use crate::nats::Published;

/// How many outbox batches are swept in one transaction.
const SWEPT: usize = 16;

/// Finishes overdue outbox batches, those after `passed` first. One that the broker does not take ends the sweep, and is
/// passed too, so that it does not keep the others waiting.
pub(crate) async fn sweep(ctx: &WorkerContext, passed: &mut i64) -> Result<(), DbError> {
    let until = Instant::now() + PUBLISH_TIMEOUT;
    while sweep_some(ctx, passed, until).await? == Progress::More {}
    Ok(())
}

/// As many as one transaction takes.
async fn sweep_some(ctx: &WorkerContext, passed: &mut i64, until: Instant) -> Result<Progress, DbError> {
    let mut client = ctx.db.client().await?;
    let tx = client.transaction().await?;
    // The transaction holds the rows while they are finished, so that other replicas pass over them.
    let overdue = ctx.journal.overdue(&tx, ctx.settings.sweep_after, *passed).await?;
    let mut closed = Vec::new();
    let mut tried = 0;
    for batch in overdue.iter().take_while(|_| Instant::now() < until) {
        (*passed, tried) = (batch.id, tried + 1);
        let unpublished = ctx.journal.unpublished(&tx, batch).await?;
        if publish(ctx, &unpublished.messages).await == Published::Partly {
            break;
        }
        if unpublished.unreadable.is_empty() {
            closed.push(batch.id);
        } else if unpublished.unreadable.len() < batch.events.len() {
            ctx.journal.narrow(&tx, batch.id, &unpublished.unreadable).await?;
        }
    }
    if !closed.is_empty() {
        tracing::info!(worker = ctx.worker, batches = closed.len(), "outbox batches swept");
        ctx.journal.close(&tx, &closed).await?;
    }
    tx.commit().await?;
    if tried < overdue.len() {
        return Ok(Progress::Finished);
    }
    if overdue.len() < SWEPT {
        *passed = 0;
        return Ok(Progress::Finished);
    }
    Ok(Progress::More)
}
