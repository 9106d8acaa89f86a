//! The one place through which everything enters: requests hand in what they bring, the clerk commits whatever lies
//! ready in one transaction, and only then is anybody answered.

use std::sync::OnceLock;
use std::time::Duration;

use bytes::Bytes;
use despatch_contracts::{Emitted, EventId, Trace};
use despatch_runtime::OutboxMessage;
use tokio::sync::{mpsc, oneshot};
use uuid::Uuid;

use crate::http::error::Refusal;
use crate::ingest::new_order::Placement;
use crate::sources::shippo::Scanned;

/// What a request brings.
#[derive(Debug, Clone)]
pub(crate) enum Entry {
    /// An order; one with a known natural key is not let in again.
    Order(Placement),
    /// A scan of one of our parcels, and what it is to its order; the same movement counts once.
    Scan(Scanned, Emitted),
    /// A scan of a parcel that is not ours, as it came.
    Stray(Scanned, Bytes),
    /// Anything that may come as often as it likes: what hears it knows repetitions itself.
    Event(Emitted),
    /// Nothing: asks whether something could be committed now.
    Probe,
}

/// What became of an entry, once it is committed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// A new order, under this id.
    Placed(Uuid),
    /// The same order came before and has this id.
    Same(Uuid),
    /// An order with this id came before, and this one differs from it.
    Changed(Uuid),
    /// Committed, or known already.
    Noted,
}

/// Why an entry was not committed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// Nothing can be committed at the moment.
    Unavailable,
    /// This entry cannot be committed, while others can.
    Refused,
}

/// An entry on its way to the clerk.
pub(crate) struct Job {
    pub(crate) entry: Entry,
    /// The id of the event that the entry becomes.
    pub(crate) event_id: EventId,
    pub(crate) trace: Trace,
    /// What it puts on the stream, where that has a span of its own: a batch that is served again, entry by entry, has
    /// the same, and no second span.
    pub(crate) arrival: OnceLock<OutboxMessage>,
    pub(crate) answer: oneshot::Sender<Result<Outcome, Trouble>>,
}

/// Where requests hand in what they bring.
#[derive(Debug, Clone)]
pub(crate) struct Desk {
    jobs: mpsc::Sender<Job>,
    patience: Duration,
    retry_after_seconds: u64,
}

impl Desk {
    /// A desk, and what its clerk is to work through. Holds no more jobs than `batch`; who comes later queues outside.
    pub(crate) fn new(
        batch: usize,
        patience: Duration,
        retry_after_seconds: u64,
    ) -> (Self, mpsc::Receiver<Job>) {
        let (jobs, received) = mpsc::channel(batch);
        (Desk { jobs, patience, retry_after_seconds }, received)
    }

    /// Returns once the entry is committed. When that takes too long the sender is asked to come again, although the
    /// commit may still succeed: sending anything twice is harmless.
    pub(crate) async fn hand_in(&self, entry: Entry, trace: Trace) -> Result<Outcome, Refusal> {
        let (answer, answered) = oneshot::channel();
        let job = Job { entry, event_id: EventId::new(), trace, arrival: OnceLock::new(), answer };
        let committed = tokio::time::timeout(self.patience, async {
            self.jobs.send(job).await.map_err(|_| Trouble::Unavailable)?;
            answered.await.unwrap_or(Err(Trouble::Unavailable))
        });
        match committed.await {
            Ok(Ok(outcome)) => Ok(outcome),
            Ok(Err(Trouble::Refused)) => Err(Refusal::NotStored),
            Ok(Err(Trouble::Unavailable)) | Err(_) => Err(self.unavailable()),
        }
    }

    /// How long a sender waits.
    pub(crate) fn patience(&self) -> Duration {
        self.patience
    }

    /// What a sender is told while nothing can be stored.
    pub(crate) fn unavailable(&self) -> Refusal {
        Refusal::Unavailable { retry_after_seconds: self.retry_after_seconds }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Duration = Duration::from_millis(50);

    #[tokio::test]
    async fn nobody_waits_for_ever() {
        let (desk, received) = Desk::new(1, PATIENCE, 3);
        let refusal = desk.hand_in(Entry::Probe, Trace::root()).await.unwrap_err();
        assert_eq!(refusal, Refusal::Unavailable { retry_after_seconds: 3 });
        // The first job still fills the queue: the second cannot even be handed in.
        assert!(desk.hand_in(Entry::Probe, Trace::root()).await.is_err());
        drop(received);
        assert!(desk.hand_in(Entry::Probe, Trace::root()).await.is_err());
    }

    #[tokio::test]
    async fn the_clerk_s_answer_is_passed_on() {
        let (desk, mut received) = Desk::new(1, Duration::from_secs(10), 3);
        let clerk = async { received.recv().await.unwrap().answer.send(Err(Trouble::Refused)) };
        let (refusal, _) = tokio::join!(desk.hand_in(Entry::Probe, Trace::root()), clerk);
        assert_eq!(refusal, Err(Refusal::NotStored));
    }
}
