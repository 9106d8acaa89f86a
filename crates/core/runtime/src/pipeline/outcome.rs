//! The outcome of each event of a batch: its journal row and its follow-ons.

use std::time::{Duration, SystemTime};

use despatch_contracts::Emitted;
use despatch_contracts::runtime::{Envelope, Failure, FollowOns};
use despatch_domain::Reason;
use prost::Message as _;
use prost_types::Timestamp;

use crate::breaker::ProviderBackoff;
use crate::context::WorkerContext;
use crate::db::{DbError, Transaction};
use crate::journal::{Disposition, ERROR_LENGTH, HELD, JournalRow, Try, note};
use crate::nats::Broker;
use crate::pipeline::task::Task;
use crate::worker::{Failed, HandlerSpec, Verdict};

/// The outcome of one event: its journal row and its follow-ons.
pub(crate) struct Outcome {
    /// Envelopes to publish, addressed.
    pub(crate) follow_ons: Vec<Envelope>,
    /// How the try ended.
    pub(crate) disposition: Disposition,
    generation: u32,
    /// Tries that counted so far, this one included.
    pub(crate) attempts: u32,
    /// The event and its failures, encoded, if it was not handled.
    unhandled: Option<(Vec<u8>, Vec<u8>)>,
}

impl Outcome {
    /// Returns whether the event was handled at generation 0: the common case, which many events record with one
    /// statement.
    pub(crate) fn is_plain(&self) -> bool {
        self.generation == 0 && self.disposition == Disposition::Done
    }

    /// Returns the follow-ons as the journal keeps them.
    pub(crate) fn outbox(&self) -> Vec<u8> {
        if self.follow_ons.is_empty() {
            return Vec::new();
        }
        // The copy shares the memory of the payloads.
        FollowOns { messages: self.follow_ons.clone() }.encode_to_vec()
    }

    /// Returns the journal row of an outcome that is not [plain](Self::is_plain).
    pub(crate) fn journal_row<'a>(&'a self, spec: &HandlerSpec, task: &'a Task) -> JournalRow<'a> {
        let (event, failures) =
            self.unhandled.as_ref().map_or((&[][..], &[][..]), |(event, failures)| (event, failures));
        JournalRow {
            handler: task.recorded_as(spec),
            id: task.id(),
            generation: self.generation,
            subject: task.subject(),
            outbox: self.outbox(),
            event,
            failures,
            attempts: self.attempts,
            disposition: self.disposition,
            was_held: task.history.was_held(),
        }
    }

    /// Returns the event's failure if the broker would never accept one of its follow-ons.
    pub(crate) fn unpublishable(&self, broker: &Broker) -> Option<Failed> {
        let unpublishable = self.follow_ons.iter().find_map(|message| broker.unpublishable(message))?;
        Some(Failed { error: unpublishable.to_string(), verdict: Verdict::Reject(unpublishable.reason()) })
    }
}

/// Builds the outcomes of one batch.
pub(crate) struct OutcomeBuilder<'a> {
    ctx: &'a WorkerContext,
    spec: &'a HandlerSpec,
    /// The database's time; read only if an event failed.
    now: Option<Timestamp>,
}

impl<'a> OutcomeBuilder<'a> {
    /// Reads the database's time if one of the outcomes needs it.
    pub(crate) async fn new(
        ctx: &'a WorkerContext,
        spec: &'a HandlerSpec,
        tx: &Transaction,
        outcomes: &[Result<Vec<Emitted>, Failed>],
    ) -> Result<Self, DbError> {
        let now = if outcomes.iter().any(Result::is_err) {
            let client = tx.client();
            let row = client.query_one(&client.prepare_cached("select despatch_now()").await?, &[]).await?;
            Some(Timestamp::from(row.get::<_, SystemTime>(0)))
        } else {
            None
        };
        Ok(OutcomeBuilder { ctx, spec, now })
    }

    pub(crate) fn build(&self, task: &Task, outcome: Result<Vec<Emitted>, Failed>) -> Outcome {
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
            follow_ons.push(Envelope::of(id, self.spec.name, event, &task.event_span.trace));
        }
        follow_ons.extend(self.report(task, Disposition::Done, None));
        Outcome {
            follow_ons,
            disposition: Disposition::Done,
            generation: task.generation(),
            attempts: task.history.attempts + 1,
            unhandled: None,
        }
    }

    fn failed(&self, task: &Task, failed: &Failed) -> Outcome {
        let (disposition, attempts, verdict) = self.disposition(task, failed.verdict);
        let mut failures = task.history.failures.clone();
        let error = failed.error.chars().take(ERROR_LENGTH).collect();
        let (generation, at) = (task.generation(), self.now);
        note(
            &mut failures,
            Failure { attempt: attempts, generation, at, error, verdict: verdict.to_owned() },
        );
        let mut follow_ons = Vec::new();
        let (handler, event, trace_id) = (self.spec.name, task.id(), task.event_span.trace.trace_id);
        match disposition {
            Disposition::Done => {}
            Disposition::Retried { after }
            | Disposition::Deferred { after }
            | Disposition::Waits { after, .. } => {
                let wait = after.as_secs_f64();
                tracing::info!(
                    handler, %event, subject = task.subject(), %trace_id, verdict, attempts, wait,
                    error = failed.error, "event waits for another try",
                );
                follow_ons.extend(self.report(task, disposition, None));
            }
            Disposition::Dead { reason } => {
                tracing::warn!(
                    handler, %event, subject = task.subject(), %trace_id, reason, attempts,
                    error = failed.error, "event dead-lettered",
                );
                // A dead letter of a dead letter would only return to its consumer.
                if self.spec.consumes_reports() {
                    tracing::error!(handler, %event, "report dead-lettered: only the journal has it");
                } else {
                    let fits = |letter: &Envelope| self.ctx.broker.unpublishable(letter).is_none();
                    let this = self.this_try(task);
                    follow_ons.push(this.dead_letter(
                        reason,
                        failures.clone(),
                        Some(task.event()),
                        true,
                        fits,
                    ));
                }
                follow_ons.extend(self.report(task, disposition, Some(reason)));
            }
        }
        let unhandled = Some((task.event().encode_to_vec(), failures.encode_to_vec()));
        Outcome { follow_ons, disposition, generation, attempts, unhandled }
    }

    /// Returns the meaning of a verdict for this event after all of its tries.
    fn disposition(&self, task: &Task, verdict: Verdict) -> (Disposition, u32, &'static str) {
        let policy = &self.spec.policy;
        let attempts = task.history.attempts + 1;
        let retried_or_dead = |after| {
            if attempts >= policy.attempts {
                Disposition::Dead { reason: Reason::AttemptsExhausted.code() }
            } else {
                Disposition::Retried { after }
            }
        };
        let deferred_or_dead = |after| {
            if task.history.deferred.is_some_and(|since| since >= policy.defer_deadline) {
                Disposition::Dead { reason: Reason::DeferredTooLong.code() }
            } else {
                Disposition::Deferred { after }
            }
        };
        match verdict {
            Verdict::Retry => (retried_or_dead(policy.retry_delay(attempts)), attempts, "retry"),
            Verdict::RetryAfter(wait) => {
                (retried_or_dead(wait.max(policy.retry_delay(attempts))), attempts, "retry-after")
            }
            Verdict::NotYet => (deferred_or_dead(policy.not_yet), task.history.attempts, "defer"),
            Verdict::Defer(wait) => (deferred_or_dead(wait), task.history.attempts, "defer"),
            Verdict::Refused => self.waits(task, (Duration::ZERO, false), "refused", Reason::ProviderRefused),
            Verdict::Down(wait) => self.waits(task, (wait, false), "down", Reason::ProviderDown),
            Verdict::PutOff => self.waits(task, (Duration::ZERO, true), "put-off", Reason::ProviderDown),
            Verdict::Reject(reason) => (Disposition::Dead { reason: reason.code() }, attempts, "reject"),
        }
    }

    /// Returns the wait of an event for its provider. The breaker holds it while it is not closed, for as long as that
    /// takes, and longer only if the provider asked for that. Otherwise the provider serves others, or puts off this event
    /// alone, which is given up in the end, for this reason.
    fn waits(
        &self,
        task: &Task,
        (asked, is_put_off): (Duration, bool),
        verdict: &'static str,
        reason: Reason,
    ) -> (Disposition, u32, &'static str) {
        let (provider, attempts) = (self.spec.provider, task.history.attempts);
        // The time for which a breaker held it is no wait of its own.
        let waited = task.history.waited.filter(|_| !task.history.was_held()).unwrap_or_default();
        let mut backoff = ProviderBackoff::with(provider.map(|provider| provider.kind));
        if is_put_off {
            backoff = backoff.put_off();
        }
        let breaker = provider.and_then(|provider| self.ctx.breakers.get(provider.name));
        if let Some(breaker) = breaker.filter(|breaker| !is_put_off && !breaker.is_closed()) {
            let held_by = Some(breaker.provider.name);
            return (Disposition::Waits { after: asked, held_by }, attempts, HELD);
        }
        if waited >= backoff.give_up {
            return (Disposition::Dead { reason: reason.code() }, attempts, verdict);
        }
        let after = backoff.wait(waited).max(asked);
        (Disposition::Waits { after, held_by: None }, attempts, verdict)
    }

    /// Returns the report on how a generation above 0 ended.
    fn report(&self, task: &Task, disposition: Disposition, reason: Option<&str>) -> Option<Envelope> {
        let reports = task.generation() > 0 && !self.spec.consumes_reports();
        reports.then(|| self.this_try(task).report(disposition.state(), reason))
    }

    fn this_try<'b>(&self, task: &'b Task) -> Try<'b>
    where
        'a: 'b,
    {
        Try {
            worker: self.ctx.worker,
            handler: task.addressed_to(self.spec),
            event_id: task.id(),
            generation: task.generation(),
            subject: task.subject(),
            trace: &task.event_span.trace,
        }
    }
}
