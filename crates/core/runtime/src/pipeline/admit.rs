//! The second stage: the journal decides what is new, expected or stale.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use despatch_domain::Reason;
use tokio::sync::mpsc;
use tracing::Instrument;

use crate::backoff::Backoff;
use crate::context::WorkerContext;
use crate::db::{DbError, DbErrorKind};
use crate::error::chain;
use crate::journal::{Admission, History};
use crate::nats::Delivery;
use crate::pipeline::guard::panicked;
use crate::pipeline::receive::Received;
use crate::pipeline::stale::{GIVE_BACK, OUTAGE_TOLERANCE, settle_stale};
use crate::pipeline::task::{LocalDedup, Task, Work};
use crate::telemetry::{EventSpan, Metrics};
use crate::worker::{Failed, HandlerSpec, RegisteredHandler, Verdict};

/// Decides about deliveries until there are no more. Admitted events go on to `next`; redelivered ones pass the
/// quarantine first.
pub(crate) async fn admit(
    ctx: Arc<WorkerContext>,
    handler: Arc<dyn RegisteredHandler>,
    spec: Arc<HandlerSpec>,
    metrics: Metrics,
    mut received: mpsc::UnboundedReceiver<Received>,
    (next, quarantine): (mpsc::UnboundedSender<Task>, mpsc::UnboundedSender<Task>),
) {
    let names = spec.names();
    let in_flight = LocalDedup::default();
    let mut batch = Vec::with_capacity(spec.policy.batch);
    while received.recv_many(&mut batch, spec.policy.batch).await > 0 {
        let span = tracing::debug_span!("receive", handler = spec.name, messages = batch.len());
        let asked: Vec<_> = batch
            .iter()
            .map(|Received { delivery, .. }| delivery)
            .filter(|delivery| is_asked_about(&spec, delivery))
            .map(|delivery| (delivery.id, delivery.envelope.generation))
            .collect();
        let mut admissions = match ask(&ctx, &names, &asked).instrument(span).await {
            Ok(admissions) => admissions.into_iter(),
            Err(error) => {
                ctx.health.not_ready(&ctx.database_part(), error.to_string());
                for Received { delivery, .. } in batch.drain(..) {
                    delivery.give_back(GIVE_BACK).await;
                }
                continue;
            }
        };
        ctx.health.ready(&ctx.database_part());
        let mut stale = Vec::new();
        for Received { delivery, room } in batch.drain(..) {
            let asked = is_asked_about(&spec, &delivery);
            let admission = asked.then(|| admissions.next()).flatten().unwrap_or(Admission::New);
            let history = match admission {
                Admission::New => History::default(),
                Admission::Again(history) => history,
                Admission::Stale => {
                    stale.push(delivery);
                    continue;
                }
            };
            let Some(dedup) = in_flight.claim(delivery.id) else {
                // Its first delivery is still in work here, and will have an outcome by the next one.
                delivery.give_back(GIVE_BACK).await;
                continue;
            };
            let work = open(&ctx, handler.as_ref(), &delivery);
            let redelivered = delivery.redelivered;
            let event_span = EventSpan::begin(spec.name, &delivery.envelope);
            let task =
                Task { delivery, work, history, event_span, quarantined: None, _room: room, _dedup: dedup };
            let onward = if redelivered { &quarantine } else { &next };
            if onward.send(task).is_err() {
                return;
            }
        }
        metrics.count_dispositions("stale", stale.len() as u64);
        if !stale.is_empty() {
            settle_stale(&ctx, &spec, stale).await;
        }
    }
}

/// Returns whether to look the event up in the journal before work on it begins. A first delivery of generation 0 is
/// almost certainly new. A record-only handler skips the look-up, because the journal's primary key rejects a duplicate
/// at the commit. A handler with effects must know before. So must a renamed one, because the row may be under another
/// name.
fn is_asked_about(spec: &HandlerSpec, delivery: &Delivery) -> bool {
    spec.has_effects
        || !spec.former_names.is_empty()
        || delivery.redelivered
        || delivery.envelope.generation > 0
}

async fn ask(
    ctx: &WorkerContext,
    handlers: &[&str],
    events: &[(despatch_contracts::EventId, u32)],
) -> Result<Vec<Admission>, DbError> {
    if events.is_empty() {
        return Ok(Vec::new());
    }
    let started = tokio::time::Instant::now();
    let mut backoff = Backoff::new();
    loop {
        let answer = async { ctx.journal.admit(&ctx.db.client().await?, handlers, events).await };
        match answer.await {
            Err(error) if started.elapsed() < OUTAGE_TOLERANCE && !ctx.abandon.is_cancelled() => {
                if error.kind() != DbErrorKind::Unreachable {
                    tracing::error!(handler = handlers[0], error = chain(&error), "journal read failed");
                }
                ctx.health.not_ready(&ctx.database_part(), error.to_string());
                backoff.wait().await;
            }
            answer => return answer,
        }
    }
}

/// Returns the work that an admitted event needs.
fn open(ctx: &WorkerContext, handler: &dyn RegisteredHandler, delivery: &Delivery) -> Work {
    let refuse = |error: String, reason| Work::Failed(Failed { error, verdict: Verdict::Reject(reason) });
    if let Some(malformed) = &delivery.malformed {
        return refuse(malformed.to_string(), Reason::PayloadUndecodable);
    }
    let age = ctx.clock.now().duration_since(delivery.id.created_at()).unwrap_or_default();
    let first = delivery.envelope.generation == 0 && !handler.spec().consumes_reports();
    if first && age > ctx.settings.journal_retention {
        return refuse(format!("{} days old", age.as_secs() / 86_400), Reason::EventExpired);
    }
    let event = match handler.bind(delivery.envelope.event_type(), delivery.envelope.payload.clone()) {
        Ok(event) => event,
        Err(error) => return refuse(chain(&error), Reason::PayloadUndecodable),
    };
    match catch_unwind(AssertUnwindSafe(|| event.keys())) {
        Ok(keys) => Work::Handle { event, keys },
        Err(panic) => Work::Failed(panicked(panic.as_ref())),
    }
}
