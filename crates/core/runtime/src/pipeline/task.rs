//! An event on its way through the pipeline.

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

/// An admitted delivery, and what is known of it.
pub(crate) struct Task {
    pub(crate) delivery: Delivery,
    pub(crate) work: Work,
    pub(crate) history: History,
    pub(crate) event_span: EventSpan,
    /// The quarantine permit of a redelivered event; a process runs one such event at a time.
    pub(crate) quarantined: Option<OwnedSemaphorePermit>,
    /// Room in the handler's window, released when the task is dropped.
    pub(crate) _room: Option<OwnedSemaphorePermit>,
    pub(crate) _dedup: DedupGuard,
}

/// The remaining work on an event.
pub(crate) enum Work {
    /// The handler runs.
    Handle {
        /// The event, bound to its handler.
        event: Box<dyn BoundEvent>,
        /// The keys that it serialises on.
        keys: ConcurrencyKeys,
    },
    /// The event is journaled as failed.
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

    /// Returns the handler's name in the event's journal row: the current one, unless it was recorded before a rename.
    pub(crate) fn recorded_as<'a>(&'a self, spec: &HandlerSpec) -> &'a str {
        self.history.handler.as_deref().unwrap_or(spec.name)
    }

    /// Returns the handler's name that this try was addressed to: the current one, unless a replay names a former one.
    pub(crate) fn addressed_to<'a>(&'a self, spec: &HandlerSpec) -> &'a str {
        let replayed = self.delivery.envelope.nats_subject.strip_prefix("replay.");
        replayed.unwrap_or(spec.name)
    }

    /// Returns the event for its next try. If this try is sampled, the next one belongs under it in the trace.
    pub(crate) fn event(&self) -> Envelope {
        let mut event = self.delivery.envelope.clone();
        if self.event_span.is_seen() {
            event.traceparent = self.event_span.trace.to_string();
        }
        event
    }

    /// Makes the failure visible in traces. A deferral is no failure.
    pub(crate) fn show_failure(&mut self, handler: &'static str, failed: &Failed) {
        let class = match failed.verdict {
            Verdict::NotYet | Verdict::Defer(_) => return,
            Verdict::Retry | Verdict::RetryAfter(_) => "retry",
            Verdict::Refused | Verdict::Down(_) | Verdict::PutOff => "wait",
            Verdict::Reject(reason) => reason.code(),
        };
        self.event_span.fail(handler, &self.delivery.envelope, class);
    }

    /// Gives up on the event in this generation.
    pub(crate) fn fail(&mut self, failed: Failed) {
        self.work = Work::Failed(failed);
    }
}

/// The events that a handler has in flight in this process, so that a second delivery of one does not overtake the
/// first.
#[derive(Clone, Default)]
pub(crate) struct LocalDedup(Arc<Mutex<HashSet<EventId>>>);

impl LocalDedup {
    /// Claims an event; returns `None` if it is in flight already.
    pub(crate) fn claim(&self, id: EventId) -> Option<DedupGuard> {
        let new = self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(id);
        new.then(|| DedupGuard { id, of: self.clone() })
    }
}

/// The claim of an event in flight, until this is dropped.
pub(crate) struct DedupGuard {
    id: EventId,
    of: LocalDedup,
}

impl Drop for DedupGuard {
    fn drop(&mut self) {
        self.of.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.id);
    }
}
