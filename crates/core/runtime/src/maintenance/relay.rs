//! Publishing on behalf of the scheduler and the sweeper, which do not wait for the broker for long.

use std::time::Duration;

use despatch_contracts::runtime::Envelope;
use tokio::time::timeout;

use crate::context::WorkerContext;
use crate::nats::Published;

/// How long the broker may take for one publication. What the scheduler gives up is in an outbox batch, for the next sweep;
/// what a sweep gives up, for the one after. No rows are locked for much longer.
pub(crate) const PUBLISH_TIMEOUT: Duration = Duration::from_secs(10);

/// How many retries or timers one statement takes; when it took that many there are probably more.
const FULL: usize = 256;

/// Whether there is more to be done at once.
#[derive(PartialEq, Eq)]
pub(crate) enum Progress {
    /// There is probably more.
    More,
    /// There is no more, or the broker does not take it.
    Finished,
}

impl Progress {
    pub(crate) fn after(count: usize, published: Published) -> Self {
        if count >= FULL && published == Published::All { Progress::More } else { Progress::Finished }
    }
}

/// Publishes unless the broker takes too long.
pub(crate) async fn publish(ctx: &WorkerContext, messages: &[Envelope]) -> Published {
    timeout(PUBLISH_TIMEOUT, ctx.broker.publish(messages, &ctx.abandon)).await.unwrap_or_else(|_| {
        tracing::warn!(worker = ctx.worker, "NATS does not acknowledge; scheduler goes on");
        Published::Partly
    })
}
