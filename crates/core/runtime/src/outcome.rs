//! What becomes of each event of a batch: its journal row and what it owes the stream.

use std::time::SystemTime;

use despatch_contracts::runtime::{DeadLetter, Envelope, Failure, Failures, FollowOns, Settled};
use despatch_contracts::{Emitted, Event};
use despatch_domain::Reason;
use prost::Message as _;
use prost_types::Timestamp;

use crate::broker::Broker;
use crate::database::DbError;
use crate::handler::Verdict;
use crate::host::Host;
use crate::job::{Failed, HandlerSpec};
use crate::journal::{Fate, Settlement};
use crate::retry::wait_after;
use crate::task::Task;
use crate::tx::Transaction;

/// How much of an error's text is kept.
pub(crate) const ERROR_LENGTH: usize = 2_000;

/// How many failures of one event are kept; the oldest give way.
const FAILURES: usize = 32;

/// An event's row-to-be.
pub(crate) struct Outcome {
    /// What goes to the stream, addressed.
    pub(crate) follow_ons: Vec<Envelope>,
    generation: u32,
    failure: Option<Unsettled>,
}

struct Unsettled {
    fate: Fate,
    attempts: u32,
    event: Vec<u8>,
    failures: Vec<u8>,
}

impl Outcome {
    /// Handled at its first generation: the common case, recorded set-based.
    pub(crate) fn is_plain(&self) -> bool {
        self.generation == 0 && self.failure.is_none()
    }

    /// The follow-ons as the journal keeps them.
    pub(crate) fn outbox(&self) -> Vec<u8> {
        if self.follow_ons.is_empty() {
            return Vec::new();
        }
        // The journal's copy shares the payloads' memory.
        FollowOns { messages: self.follow_ons.clone() }.encode_to_vec()
    }

    /// The journal row of an outcome that is not [plain](Self::is_plain).
    pub(crate) fn settlement<'a>(&'a self, task: &'a Task) -> Settlement<'a> {
        let failure = self.failure.as_ref();
        Settlement {
            id: task.id(),
            generation: self.generation,
            order_id: task.order_id(),
            outbox: self.outbox(),
            event: failure.map_or(&[], |failure| &failure.event),
            failures: failure.map_or(&[], |failure| &failure.failures),
            attempts: self.attempts(task),
            fate: failure.map(|failure| failure.fate),
        }
    }

    /// How this try ended.
    pub(crate) fn ended(&self) -> Ended {
        match self.failure.as_ref().map(|failure| failure.fate) {
            None => Ended::Done,
            Some(Fate::PendingRetry { deferred: false, .. }) => Ended::Retried,
            Some(Fate::PendingRetry { deferred: true, .. }) => Ended::Deferred,
            Some(Fate::Dead { .. }) => Ended::Dead,
        }
    }

    /// The tries that counted so far, with this one.
    pub(crate) fn attempts(&self, task: &Task) -> u32 {
        self.failure.as_ref().map_or(task.history.attempts + 1, |failure| failure.attempts)
    }

    /// A follow-on that the broker would never take, as the event's failure.
    pub(crate) fn unsendable(&self, broker: &Broker) -> Option<Failed> {
        let objection = self.follow_ons.iter().find_map(|message| broker.objection(message))?;
        Some(Failed { error: objection.to_string(), verdict: Verdict::Reject(objection.reason()) })
    }
}

/// How a try can end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ended {
    Done,
    /// Waits for another try.
    Retried,
    /// Came too early, and waits.
    Deferred,
    /// Is left to a person.
    Dead,
}

impl Ended {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Ended::Done => "done",
            Ended::Retried => "retried",
            Ended::Deferred => "deferred",
            Ended::Dead => "dead",
        }
    }
}

/// Works out the outcomes of one batch.
pub(crate) struct Reckoner<'a> {
    host: &'a Host,
    spec: &'a HandlerSpec,
    /// The database's time; asked only when something failed.
    now: Option<Timestamp>,
}

impl<'a> Reckoner<'a> {
    /// Asks for the time only when one of the outcomes will need it.
    pub(crate) async fn new(
        host: &'a Host,
        spec: &'a HandlerSpec,
        tx: &Transaction,
        outcomes: &[Result<Vec<Emitted>, Failed>],
    ) -> Result<Self, DbError> {
        let now = if outcomes.iter().any(Result::is_err) {
            let client = tx.client();
            let row = client.query_one(&client.prepare_cached("select now()").await?, &[]).await?;
            Some(Timestamp::from(row.get::<_, SystemTime>(0)))
        } else {
            None
        };
        Ok(Reckoner { host, spec, now })
    }

    pub(crate) fn reckon(&self, task: &Task, outcome: Result<Vec<Emitted>, Failed>) -> Outcome {
        match outcome {
            Ok(emitted) => self.handled(task, emitted),
            Err(failed) => self.failed(task, &failed),
        }
    }

    fn handled(&self, task: &Task, emitted: Vec<Emitted>) -> Outcome {
        let mut ordinals = std::collections::BTreeMap::new();
        let mut follow_ons = Vec::with_capacity(emitted.len() + 1);
        for event in emitted {
            let ordinal = ordinals.entry(event.event_type).or_insert(0_usize);
            let id = task.id().follow_on(self.spec.name, event.event_type, *ordinal);
            *ordinal += 1;
            follow_ons.push(Envelope::of(id, self.spec.name, event, &task.handling.trace));
        }
        follow_ons.extend(self.report(task, "done", None));
        Outcome { follow_ons, generation: task.generation(), failure: None }
    }

    fn failed(&self, task: &Task, failed: &Failed) -> Outcome {
        let (fate, attempts, verdict) = self.judge(task, failed.verdict);
        let mut failures = task.history.failures.clone();
        note(
            &mut failures,
            Failure {
                attempt: attempts,
                generation: task.generation(),
                at: self.now,
                error: failed.error.chars().take(ERROR_LENGTH).collect(),
                verdict: verdict.to_owned(),
            },
        );
        let mut follow_ons = Vec::new();
        match fate {
            Fate::PendingRetry { after, .. } => {
                let wait = after.as_secs_f64();
                tracing::info!(
                    handler = self.spec.name, event = %task.id(), order = task.order_id(), trace_id = %task.handling.trace.trace_id,
                    verdict, attempts, wait, error = failed.error, "tried in vain",
                );
                follow_ons.extend(self.report(task, "waiting", None));
            }
            Fate::Dead { reason } => {
                tracing::warn!(
                    handler = self.spec.name, event = %task.id(), order = task.order_id(), trace_id = %task.handling.trace.trace_id,
                    reason, attempts, error = failed.error, "dead-lettered",
                );
                // A dead letter of a dead letter would only come back to it.
                if self.spec.consumes_reports() {
                    tracing::error!(handler = self.spec.name, event = %task.id(), "only the journal knows of it");
                } else {
                    follow_ons.push(self.dead_letter(task, reason, &failures));
                }
                follow_ons.extend(self.report(task, "dead", Some(reason)));
            }
        }
        let failure = Unsettled {
            fate,
            attempts,
            event: task.event().encode_to_vec(),
            failures: failures.encode_to_vec(),
        };
        Outcome { follow_ons, generation: task.generation(), failure: Some(failure) }
    }

    /// What a verdict means for this event after all that it has been through.
    fn judge(&self, task: &Task, verdict: Verdict) -> (Fate, u32, &'static str) {
        let policy = &self.spec.policy;
        let attempts = task.history.attempts + 1;
        let waiting_or_dead = |after| {
            if attempts >= policy.attempts {
                Fate::Dead { reason: Reason::AttemptsExhausted.code() }
            } else {
                Fate::PendingRetry { after, deferred: false }
            }
        };
        match verdict {
            Verdict::Retry => (waiting_or_dead(wait_after(policy, attempts)), attempts, "retry"),
            Verdict::RetryAfter(wait) => {
                (waiting_or_dead(wait.max(wait_after(policy, attempts))), attempts, "retry-after")
            }
            Verdict::Defer(wait) => {
                let overdue = task.history.deferred.is_some_and(|since| since >= policy.defer_deadline);
                let fate = if overdue {
                    Fate::Dead { reason: Reason::DeferredTooLong.code() }
                } else {
                    Fate::PendingRetry { after: wait, deferred: true }
                };
                (fate, task.history.attempts, "defer")
            }
            Verdict::Reject(reason) => (Fate::Dead { reason: reason.code() }, attempts, "reject"),
        }
    }

    fn dead_letter(&self, task: &Task, reason: &str, failures: &Failures) -> Envelope {
        let event = &task.delivery.envelope;
        let mut letter = DeadLetter {
            worker: self.host.worker.to_owned(),
            handler: self.spec.name.to_owned(),
            event_id: event.event_id.clone(),
            generation: task.generation(),
            order_id: event.order_id.clone(),
            reason: reason.to_owned(),
            failures: failures.failures.clone(),
            event: Some(task.event()),
            replayable: true,
        };
        let id = task.id().report(self.spec.name, DeadLetter::TYPE, task.generation());
        let whole = Envelope::dead(id, &letter, &task.handling.trace);
        if self.host.broker.objection(&whole).is_none() {
            return whole;
        }
        letter.event = None;
        Envelope::dead(id, &letter, &task.handling.trace)
    }

    /// Every generation above the first reports how it ended.
    fn report(&self, task: &Task, outcome: &str, reason: Option<&str>) -> Option<Envelope> {
        let generation = task.generation();
        (generation > 0 && !self.spec.consumes_reports()).then(|| {
            let settled = Settled {
                worker: self.host.worker.to_owned(),
                handler: self.spec.name.to_owned(),
                event_id: task.id().to_string(),
                generation,
                order_id: task.order_id().to_owned(),
                outcome: outcome.to_owned(),
                reason: reason.unwrap_or_default().to_owned(),
            };
            let id = task.id().report(self.spec.name, Settled::TYPE, generation);
            Envelope::settled(id, &settled, &task.handling.trace)
        })
    }
}

/// Whether events of this type say what became of others.
pub(crate) fn is_report(event_type: &str) -> bool {
    [DeadLetter::TYPE, Settled::TYPE].contains(&event_type)
}

/// Adds a failure. A deferral takes the place of the deferral before it: an hour of them says no more than the last.
pub(crate) fn note(failures: &mut Failures, failure: Failure) {
    let list = &mut failures.failures;
    if list.last().is_some_and(|last| last.verdict == "defer" && failure.verdict == "defer") {
        list.pop();
    }
    list.push(failure);
    if list.len() > FAILURES {
        list.drain(..list.len() - FAILURES);
    }
}
