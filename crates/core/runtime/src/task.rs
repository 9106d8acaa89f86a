//! One delivered event on its way through the pipeline.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use despatch_contracts::EventId;
use despatch_contracts::runtime::Envelope;
use tokio::sync::OwnedSemaphorePermit;

use crate::delivery::Delivery;
use crate::handler::Verdict;
use crate::job::{Failed, Job};
use crate::journal::History;
use crate::keys::ConcurrencyKeys;
use crate::spans::Handling;

/// A delivery that was admitted, with what is known of it.
pub(crate) struct Task {
    pub(crate) delivery: Delivery,
    pub(crate) work: Work,
    pub(crate) history: History,
    pub(crate) handling: Handling,
    /// Held by a redelivered event, of which a process runs one at a time.
    pub(crate) suspect: Option<OwnedSemaphorePermit>,
    /// Room in the handler's window; free again when the task is gone.
    pub(crate) _room: Option<OwnedSemaphorePermit>,
    pub(crate) _underway: Underway,
}

/// What is still to be done with an event.
pub(crate) enum Work {
    /// Its handler takes it from here.
    Handle {
        /// The event in its handler's hands.
        job: Box<dyn Job>,
        /// What it contends on.
        keys: ConcurrencyKeys,
    },
    /// It is to be journaled as failed.
    Failed(Failed),
}

impl Task {
    pub(crate) fn id(&self) -> EventId {
        self.delivery.id
    }

    pub(crate) fn generation(&self) -> u32 {
        self.delivery.envelope.generation
    }

    pub(crate) fn order_id(&self) -> &str {
        &self.delivery.envelope.order_id
    }

    /// The event as it is kept for its next try, which belongs under this one where somebody sees it.
    pub(crate) fn event(&self) -> Envelope {
        let mut event = self.delivery.envelope.clone();
        if self.handling.is_seen() {
            event.traceparent = self.handling.trace.to_string();
        }
        event
    }

    /// Has the failure seen by whoever collects traces. To be deferred is no failure.
    pub(crate) fn show_failure(&mut self, handler: &'static str, failed: &Failed) {
        let class = match failed.verdict {
            Verdict::Defer(_) => return,
            Verdict::Retry | Verdict::RetryAfter(_) => "retry",
            Verdict::Reject(reason) => reason.code(),
        };
        self.handling.fail(handler, &self.delivery.envelope, class);
    }

    /// Gives up on handling the event in this generation.
    pub(crate) fn fail(&mut self, failed: Failed) {
        self.work = Work::Failed(failed);
    }
}

/// The events that a handler has in hand in this process: a second delivery of one must not overtake the first.
#[derive(Clone, Default)]
pub(crate) struct InHand(Arc<Mutex<HashSet<EventId>>>);

impl InHand {
    /// Claims an event; `None` while it is in hand already.
    pub(crate) fn claim(&self, id: EventId) -> Option<Underway> {
        let new = self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(id);
        new.then(|| Underway { id, of: self.clone() })
    }
}

/// An event in hand, until this is dropped.
pub(crate) struct Underway {
    id: EventId,
    of: InHand,
}

impl Drop for Underway {
    fn drop(&mut self) {
        self.of.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.id);
    }
}
