//! Publishing for the scheduler and the sweeper, with a time limit.

use std::collections::BTreeMap;
use std::time::Duration;

use despatch_contracts::runtime::Envelope;
use tokio::time::timeout;

use crate::context::WorkerContext;
use crate::db::DbError;
use crate::journal::UnpublishedEnvelopes;
use crate::nats::Published;

/// How long one publication may take. If the scheduler gives up, the next sweep publishes the rest; if a sweep gives
/// up, the one after it does. So no rows stay locked for much longer.
pub(crate) const PUBLISH_TIMEOUT: Duration = Duration::from_secs(10);

/// Retries or timers that one statement takes. After a full portion there are probably more.
const FULL: usize = 256;

/// Whether more work can be done at once.
#[derive(PartialEq, Eq)]
pub(crate) enum Progress {
    /// There is probably more.
    More,
    /// There is no more, or the broker does not accept it.
    Finished,
}

impl Progress {
    pub(crate) fn after(count: usize, published: Published) -> Self {
        if count >= FULL && published == Published::All { Progress::More } else { Progress::Finished }
    }
}

/// Publishes retries that were taken, and closes their batches.
pub(crate) async fn publish_fired(
    ctx: &WorkerContext,
    fired: BTreeMap<i64, UnpublishedEnvelopes>,
) -> Result<Progress, DbError> {
    let count = fired.values().map(|batch| batch.messages.len() + batch.unreadable.len()).sum();
    for (batch, unpublished) in fired {
        if publish(ctx, &unpublished.messages).await == Published::Partly {
            // This batch and those after it are left to the sweeper.
            return Ok(Progress::Finished);
        }
        ctx.close_except(batch, &unpublished.unreadable).await?;
    }
    Ok(Progress::after(count, Published::All))
}

/// Publishes, unless the broker takes too long.
pub(crate) async fn publish(ctx: &WorkerContext, messages: &[Envelope]) -> Published {
    timeout(PUBLISH_TIMEOUT, ctx.broker.publish(messages, &ctx.abandon)).await.unwrap_or_else(|_| {
        tracing::warn!(worker = ctx.worker, timeout = ?PUBLISH_TIMEOUT, "publishing timed out: left to the sweeper");
        Published::Partly
    })
}
