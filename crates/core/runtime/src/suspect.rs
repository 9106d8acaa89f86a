//! The side track for redelivered events: one at a time, each start committed first, so that an event that kills its
//! process is found out instead of killing for ever.

use std::sync::Arc;

use despatch_domain::Reason;
use tokio::sync::mpsc;

use crate::handler::Verdict;
use crate::host::Host;
use crate::job::{Failed, HandlerSpec};
use crate::mend::readmit;
use crate::task::Task;

/// Lets suspects through to `next` until no more come.
pub(crate) async fn vet(
    host: Arc<Host>,
    spec: HandlerSpec,
    mut suspects: mpsc::UnboundedReceiver<Task>,
    next: mpsc::UnboundedSender<Task>,
) {
    while let Some(mut task) = suspects.recv().await {
        let permit = tokio::select! {
            permit = host.suspects.clone().acquire_owned() => permit,
            () = host.abandon.cancelled() => return,
        };
        // The semaphore is never closed; without it the task would only run unaccompanied.
        task.suspect = permit.ok();
        // It may have waited for long, and other replicas have it too.
        let Some(admitted) = readmit(&host, &spec, vec![task]).await else { return };
        let Some(mut task) = admitted.into_iter().next() else { continue };
        let (id, generation) = (task.id(), task.generation());
        let begun = host
            .insist(|| async {
                host.journal.start(&host.db.client().await?, spec.name, id, generation).await
            })
            .await;
        match begun {
            None => return,
            Some(Ok(starts)) if starts > spec.policy.max_crashes => task.fail(Failed {
                error: format!("begun {} times without an outcome", starts - 1),
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
