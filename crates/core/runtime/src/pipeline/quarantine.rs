//! The quarantine of redelivered events: one runs at a time, and its start is committed first. So a poison event, which
//! kills its process, is detected instead of killing every process in turn.

use std::sync::Arc;

use despatch_domain::Reason;
use tokio::sync::mpsc;

use crate::context::WorkerContext;
use crate::pipeline::split::recheck;
use crate::pipeline::task::Task;
use crate::worker::{Failed, HandlerSpec, Verdict};

/// Passes redelivered events on to `next`, one at a time, until there are no more.
pub(crate) async fn quarantine(
    ctx: Arc<WorkerContext>,
    spec: Arc<HandlerSpec>,
    mut redelivered: mpsc::UnboundedReceiver<Task>,
    next: mpsc::UnboundedSender<Task>,
) {
    while let Some(mut task) = redelivered.recv().await {
        let permit = tokio::select! {
            permit = ctx.quarantine.clone().acquire_owned() => permit,
            () = ctx.abandon.cancelled() => return,
        };
        // The semaphore is never closed; if it were, the event would only run without a permit.
        task.quarantined = permit.ok();
        // The event may have waited for long, and other replicas may have it too.
        let Some(admitted) = recheck(&ctx, &spec, vec![task]).await else { return };
        let Some(mut task) = admitted.into_iter().next() else { continue };
        let (id, generation) = (task.id(), task.generation());
        let begun = ctx
            .retry_until_reachable(|| async {
                ctx.journal.start(&ctx.db.client().await?, spec.name, id, generation).await
            })
            .await;
        match begun {
            None => return,
            Some(Ok(starts)) if starts > spec.policy.max_crashes => task.fail(Failed {
                error: format!("started {} times without an outcome", starts - 1),
                verdict: Verdict::Reject(Reason::PoisonEvent),
            }),
            Some(Ok(_)) => {}
            Some(Err(error)) => {
                task.fail(Failed { error: error.to_string(), verdict: Verdict::Retry });
            }
        }
        if next.send(task).is_err() {
            return;
        }
    }
}
