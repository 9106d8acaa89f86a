//! The ingest queue: a request submits, the committer commits everything that is ready in one transaction, and only
//! then does the request get its answer.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use despatch_contracts::{EventId, Trace};
use despatch_runtime::OutboxMessage;
use tokio::sync::{mpsc, oneshot};
use uuid::Uuid;

use super::submission::Submission;

/// The result of a committed submission.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Receipt {
    /// A new order, under this id.
    Placed(Uuid),
    /// The same order came before and has this id.
    Same(Uuid),
    /// An order with this id came before, and this one differs from it.
    Changed(Uuid),
    /// The shop cancelled the order with this id.
    Cancelled(Uuid),
    /// A request with this id came before, with other contents.
    RequestChanged,
    /// Committed, or known already.
    Noted,
}

/// Why a submission was not committed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SubmitError {
    /// Nothing can be committed now.
    #[error("nothing can be committed now")]
    Unavailable,
    /// This submission cannot be committed; others can.
    #[error("the database rejects the submission")]
    Rejected,
}

/// A submission on its way to the committer.
pub(crate) struct QueuedSubmission {
    pub(crate) submission: Submission,
    /// The id of the submission's event.
    pub(crate) event_id: EventId,
    pub(crate) trace: Trace,
    /// The message with a span of its own, once it is created. If a batch is committed again, submission by submission,
    /// it sends the same message and makes no second span.
    pub(crate) message: OnceLock<OutboxMessage>,
    pub(crate) reply: oneshot::Sender<Result<Receipt, SubmitError>>,
}

/// Accepts submissions of requests.
#[derive(Clone)]
pub(crate) struct IngestQueue {
    queued: mpsc::Sender<QueuedSubmission>,
    commit_wait: Duration,
    /// Creates an event's id by the deployment's time, if that is known.
    new_id: Arc<dyn Fn() -> Option<EventId> + Send + Sync>,
}

impl IngestQueue {
    /// Creates a queue and the receiving end for its committer. It holds at most `batch`; later requests wait for room.
    /// No request waits longer than `commit_wait`. `new_id` creates the events' ids; without one nothing is submitted.
    pub(crate) fn new(
        batch: usize,
        commit_wait: Duration,
        new_id: impl Fn() -> Option<EventId> + Send + Sync + 'static,
    ) -> (Self, mpsc::Receiver<QueuedSubmission>) {
        let (queued, received) = mpsc::channel(batch);
        (IngestQueue { queued, commit_wait, new_id: Arc::new(new_id) }, received)
    }

    /// Submits; returns once the submission is committed. After `commit_wait` it returns [`SubmitError::Unavailable`],
    /// although the commit may still succeed. The sender sends it again, which is harmless.
    pub(crate) async fn submit(&self, submission: Submission, trace: Trace) -> Result<Receipt, SubmitError> {
        let (reply, replied) = oneshot::channel();
        // Without the deployment's time the database has not been reached, and the id would be wrong.
        let event_id = (self.new_id)().ok_or(SubmitError::Unavailable)?;
        let queued = QueuedSubmission { submission, event_id, trace, message: OnceLock::new(), reply };
        let committed = tokio::time::timeout(self.commit_wait, async {
            self.queued.send(queued).await.map_err(|_| SubmitError::Unavailable)?;
            replied.await.unwrap_or(Err(SubmitError::Unavailable))
        });
        committed.await.unwrap_or(Err(SubmitError::Unavailable))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn no_request_waits_longer_than_the_commit_wait() {
        let (queue, received) = IngestQueue::new(1, Duration::from_millis(50), || Some(EventId::new()));
        let submit = || queue.submit(Submission::Probe, Trace::root());
        assert_eq!(submit().await, Err(SubmitError::Unavailable));
        // The first submission still fills the queue: there is no room for the second.
        assert_eq!(submit().await, Err(SubmitError::Unavailable));
        drop(received);
        assert_eq!(submit().await, Err(SubmitError::Unavailable));
    }

    #[tokio::test]
    async fn nothing_is_submitted_while_the_time_is_unknown() {
        let (queue, mut received) = IngestQueue::new(1, Duration::from_secs(60), || None);
        assert_eq!(queue.submit(Submission::Probe, Trace::root()).await, Err(SubmitError::Unavailable));
        assert!(received.try_recv().is_err());
    }

    #[tokio::test]
    async fn the_committer_s_reply_is_passed_on() {
        let (queue, mut received) = IngestQueue::new(1, Duration::from_secs(10), || Some(EventId::new()));
        let committer = async { received.recv().await.unwrap().reply.send(Err(SubmitError::Rejected)) };
        let (replied, _) = tokio::join!(queue.submit(Submission::Probe, Trace::root()), committer);
        assert_eq!(replied, Err(SubmitError::Rejected));
    }
}
