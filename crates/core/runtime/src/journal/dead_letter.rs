//! Dead letters, and reports of how a retry or replay ended. The only place that makes either.

use despatch_contracts::runtime::{DeadLetter, Envelope, Failure, Failures, Settled};
use despatch_contracts::{Event, EventId, Trace};

use crate::journal::inbox::HELD;

/// Most characters of an error's text that are kept.
pub(crate) const ERROR_LENGTH: usize = 2_000;

/// Most failures of one event that are kept; the oldest are dropped first.
const MAX_FAILURES: usize = 32;

/// The try of an event that a dead letter or a report is about.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Try<'a> {
    pub(crate) worker: &'a str,
    /// The name that the try was addressed to.
    pub(crate) handler: &'a str,
    pub(crate) event_id: EventId,
    pub(crate) generation: u32,
    /// `<kind>/<id>`, or empty.
    pub(crate) subject: &'a str,
    pub(crate) trace: &'a Trace,
}

impl Try<'_> {
    /// Creates the dead letter. If `fits` says that the broker would not accept it, the event is left out, because the
    /// journal keeps the event.
    pub(crate) fn dead_letter(
        &self,
        reason: &str,
        failures: Failures,
        event: Option<Envelope>,
        replayable: bool,
        fits: impl Fn(&Envelope) -> bool,
    ) -> Envelope {
        let id = self.event_id.report(self.handler, DeadLetter::TYPE, self.generation);
        let mut letter = DeadLetter {
            worker: self.worker.to_owned(),
            handler: self.handler.to_owned(),
            event_id: self.event_id.to_string(),
            generation: self.generation,
            subject: self.subject.to_owned(),
            reason: reason.to_owned(),
            failures: failures.failures,
            event,
            replayable,
        };
        let whole = Envelope::dead(id, &letter, self.trace);
        if letter.event.is_none() || fits(&whole) {
            return whole;
        }
        letter.event = None;
        Envelope::dead(id, &letter, self.trace)
    }

    /// Creates the report of how a generation above 0 ended: `done`, `waiting` or `dead`.
    pub(crate) fn report(&self, outcome: &str, reason: Option<&str>) -> Envelope {
        let settled = Settled {
            worker: self.worker.to_owned(),
            handler: self.handler.to_owned(),
            event_id: self.event_id.to_string(),
            generation: self.generation,
            subject: self.subject.to_owned(),
            outcome: outcome.to_owned(),
            reason: reason.unwrap_or_default().to_owned(),
        };
        let id = self.event_id.report(self.handler, Settled::TYPE, self.generation);
        Envelope::settled(id, &settled, self.trace)
    }
}

/// Returns whether events of this type report on other events.
pub(crate) fn is_report(event_type: &str) -> bool {
    [DeadLetter::TYPE, Settled::TYPE].contains(&event_type)
}

/// Adds a failure. A deferral replaces the deferral before it, because an hour of deferrals says no more than the last
/// one. The same holds for waits for a provider.
pub(crate) fn note(failures: &mut Failures, failure: Failure) {
    let list = &mut failures.failures;
    let costs_nothing = ["defer", HELD, "refused", "down", "put-off"].contains(&failure.verdict.as_str());
    if costs_nothing && list.last().is_some_and(|last| last.verdict == failure.verdict) {
        list.pop();
    }
    list.push(failure);
    if list.len() > MAX_FAILURES {
        list.drain(..list.len() - MAX_FAILURES);
    }
}
