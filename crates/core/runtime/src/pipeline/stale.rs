//! Messages that go back to the broker: those of settled events are acked, the others are given back.

use crate::context::WorkerContext;
use crate::db::DbError;
use crate::error::chain;
use crate::nats::Delivery;
use crate::worker::HandlerSpec;
use std::time::Duration;
use uuid::Uuid;

/// How long to wait for an unreachable database before messages go back to the broker. Another replica may reach it.
pub(crate) const OUTAGE_TOLERANCE: Duration = Duration::from_secs(10);

/// Delay before the broker delivers again what was given back.
pub(crate) const GIVE_BACK: Duration = Duration::from_millis(500);

/// Acks messages of settled events. If the event's outbox batch is still open, its follow-ons are published first.
/// Unreadable follow-ons keep the batch open, which is enough.
pub(crate) async fn settle_stale(ctx: &WorkerContext, spec: &HandlerSpec, stale: Vec<Delivery>) {
    let (handler, names) = (spec.name, spec.names());
    let ids: Vec<Uuid> = stale.iter().map(|delivery| delivery.id.uuid()).collect();
    let finished = async {
        for batch in ctx.journal.batches_of(&ctx.db.client().await?, &names, &ids).await? {
            ctx.publish_and_close(&batch).await?;
        }
        Ok::<_, DbError>(())
    };
    match finished.await {
        Ok(()) if !ctx.abandon.is_cancelled() => {
            for delivery in stale {
                delivery.ack().await;
            }
        }
        Ok(()) => {}
        Err(error) => {
            tracing::warn!(handler, error = chain(&error), "stale messages given back");
            for delivery in stale {
                delivery.give_back(GIVE_BACK).await;
            }
        }
    }
}
