//! The sweeper: publishes outbox batches that another process left behind.

use crate::maintenance::relay::{PUBLISH_TIMEOUT, publish};
use tokio::time::Instant;

use crate::context::WorkerContext;
use crate::db::DbError;
use crate::maintenance::relay::Progress;
use crate::nats::Published;

/// Outbox batches that are swept in one transaction.
const SWEPT: usize = 16;

/// Publishes overdue outbox batches, those after `passed` first. A batch that the broker does not accept ends the
/// sweep. It counts as passed too, so that it does not delay the others.
pub(crate) async fn sweep(ctx: &WorkerContext, passed: &mut i64) -> Result<(), DbError> {
    let until = Instant::now() + PUBLISH_TIMEOUT;
    while sweep_some(ctx, passed, until).await? == Progress::More {}
    Ok(())
}

/// Sweeps as many batches as one transaction takes.
async fn sweep_some(ctx: &WorkerContext, passed: &mut i64, until: Instant) -> Result<Progress, DbError> {
    let mut client = ctx.db.client().await?;
    let tx = client.transaction().await?;
    // The transaction locks the rows until they are done, so that other replicas skip them.
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
