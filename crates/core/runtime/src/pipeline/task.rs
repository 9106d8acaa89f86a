//! One delivered event on its way through the pipeline.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use despatch_contracts::EventId;
use despatch_contracts::runtime::Envelope;
use tokio::sync::OwnedSemaphorePermit;

use crate::db::ConcurrencyKeys;
use crate::journal::History;
use crate::nats::Delivery;
use crate::telemetry::EventSpan;
use crate::worker::{BoundEvent, Failed, HandlerSpec, Verdict};

/// A delivery that was admitted, with what is known of it.
pub(crate) struct Task {
    pub(crate) delivery: Delivery,
    pub(crate) work: Work,
    pub(crate) history: History,
    pub(crate) event_span: EventSpan,
    /// Held by a redelivered event, of which a process runs one at a time.
    pub(crate) quarantined: Option<OwnedSemaphorePermit>,
    /// Room in the handler's window; free again when the task is gone.
    pub(crate) _room: Option<OwnedSemaphorePermit>,
    pub(crate) _dedup: DedupGuard,
}

/// What is still to be done with an event.
pub(crate) enum Work {
    /// Its handler takes it from here.
    Handle {
        /// The event, bound to its handler.
        event: Box<dyn BoundEvent>,
        /// What it serialises on.
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

    pub(crate) fn subject(&self) -> &str {
        &self.delivery.envelope.subject
    }

    /// The name that the journal has the event under: the handler's, unless it was recorded before a rename.
    pub(crate) fn recorded_as<'a>(&'a self, spec: &HandlerSpec) -> &'a str {
        self.history.handler.as_deref().unwrap_or(spec.name)
    }

    /// The name that this try was addressed to: the handler's, unless a replay says a former one.
    pub(crate) fn addressed_to<'a>(&'a self, spec: &HandlerSpec) -> &'a str {
        let replayed = self.delivery.envelope.nats_subject.strip_prefix("replay.");
        replayed.unwrap_or(spec.name)
    }

    /// The event as it is kept for its next try, which belongs under this one where somebody sees it.
    pub(crate) fn event(&self) -> Envelope {
        let mut event = self.delivery.envelope.clone();
        if self.event_span.is_seen() {
            event.traceparent = self.event_span.trace.to_string();
        }
        event
    }

    /// Has the failure seen by whoever collects traces. To be deferred is no failure.
    pub(crate) fn show_failure(&mut self, handler: &'static str, failed: &Failed) {
        let class = match failed.verdict {
            Verdict::NotYet | Verdict::Defer(_) => return,
            Verdict::Retry | Verdict::RetryAfter(_) => "retry",
            Verdict::Reject(reason) => reason.code(),
        };
        self.event_span.fail(handler, &self.delivery.envelope, class);
    }

    /// Gives up on handling the event in this generation.
    pub(crate) fn fail(&mut self, failed: Failed) {
        self.work = Work::Failed(failed);
    }
}

/// The events that a handler has in flight in this process: a second delivery of one must not overtake the first.
#[derive(Clone, Default)]
pub(crate) struct LocalDedup(Arc<Mutex<HashSet<EventId>>>);

impl LocalDedup {
    /// Claims an event; `None` while it is in flight already.
    pub(crate) fn claim(&self, id: EventId) -> Option<DedupGuard> {
        let new = self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(id);
        new.then(|| DedupGuard { id, of: self.clone() })
    }
}

/// An event in flight, until this is dropped.
pub(crate) struct DedupGuard {
    id: EventId,
    of: LocalDedup,
}

impl Drop for DedupGuard {
    fn drop(&mut self) {
        self.of.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.id);
    }
}
