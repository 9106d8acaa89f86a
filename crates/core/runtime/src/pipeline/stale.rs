//! What goes back to the broker: messages whose event is settled already are acked, others are given back.

use crate::context::WorkerContext;
use crate::db::DbError;
use crate::error::chain;
use crate::nats::Delivery;
use crate::worker::HandlerSpec;
use std::time::Duration;
use uuid::Uuid;

/// For how long an unreachable database is waited for before messages go back to the broker, where another replica may
/// find it reachable.
pub(crate) const OUTAGE_TOLERANCE: Duration = Duration::from_secs(10);

/// After how long the broker is to deliver again what was given back.
pub(crate) const GIVE_BACK: Duration = Duration::from_millis(500);

/// Acks what is settled already; where its outbox batch is still open, its follow-ons are published first. What of them
/// cannot be read keeps the batch open, and that is enough.
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
            tracing::warn!(handler, error = chain(&error), "stale messages go back");
            for delivery in stale {
                delivery.give_back(GIVE_BACK).await;
            }
        }
    }
}
