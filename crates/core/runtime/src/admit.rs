//! The second stage: the journal decides what is new, what is awaited, and what is stale.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use despatch_domain::Reason;
use tokio::sync::mpsc;
use tracing::Instrument;
use uuid::Uuid;

use crate::database::{DbError, DbErrorKind};
use crate::delivery::Delivery;
use crate::handler::Verdict;
use crate::host::Host;
use crate::job::{Entry, Failed, HandlerSpec, chain};
use crate::journal::{Admission, History};
use crate::meters::Meters;
use crate::perform::panicked;
use crate::receive::Received;
use crate::retry::Patience;
use crate::spans::Handling;
use crate::task::{InHand, Task, Work};

/// For how long an unreachable database is waited for before messages go back to the broker, where another replica may
/// find it reachable.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// After how long the broker is to deliver again what was given back.
pub(crate) const GIVE_BACK: Duration = Duration::from_millis(500);

/// Decides over deliveries until no more come. Admitted ones go on to `next`, redelivered ones one at a time.
pub(crate) async fn admit(
    host: Arc<Host>,
    entry: Arc<dyn Entry>,
    meters: Meters,
    mut received: mpsc::UnboundedReceiver<Received>,
    next: mpsc::UnboundedSender<Task>,
    suspects: mpsc::UnboundedSender<Task>,
) {
    let spec = entry.spec();
    let in_hand = InHand::default();
    let mut batch = Vec::with_capacity(spec.policy.batch);
    while received.recv_many(&mut batch, spec.policy.batch).await > 0 {
        let span = tracing::debug_span!("receive", handler = spec.name, messages = batch.len());
        let asked: Vec<_> = batch
            .iter()
            .map(|Received { delivery, .. }| delivery)
            .filter(|delivery| is_asked_about(spec, delivery))
            .map(|delivery| (delivery.id, delivery.envelope.generation))
            .collect();
        let mut admissions = match ask(&host, spec.name, &asked).instrument(span).await {
            Ok(admissions) => admissions.into_iter(),
            Err(error) => {
                host.health.not_ready(&host.database_part(), error.to_string());
                for Received { delivery, .. } in batch.drain(..) {
                    delivery.give_back(GIVE_BACK).await;
                }
                continue;
            }
        };
        host.health.ready(&host.database_part());
        let mut stale = Vec::new();
        for Received { delivery, room } in batch.drain(..) {
            let asked = is_asked_about(spec, &delivery);
            let admission = asked.then(|| admissions.next()).flatten().unwrap_or(Admission::New);
            let history = match admission {
                Admission::New => History::default(),
                Admission::Again(history) => history,
                Admission::Stale => {
                    stale.push(delivery);
                    continue;
                }
            };
            let Some(underway) = in_hand.claim(delivery.id) else {
                // The first delivery of it is still at work here; by the next one it will have an outcome.
                delivery.give_back(GIVE_BACK).await;
                continue;
            };
            let work = open(&host, entry.as_ref(), &delivery);
            let redelivered = delivery.redelivered;
            let handling = Handling::begin(spec.name, &delivery.envelope);
            let task =
                Task { delivery, work, history, handling, suspect: None, _room: room, _underway: underway };
            let onward = if redelivered { &suspects } else { &next };
            if onward.send(task).is_err() {
                return;
            }
        }
        meters.came_to("stale", stale.len() as u64);
        if !stale.is_empty() {
            settle_stale(&host, spec.name, stale).await;
        }
    }
}

/// Whether the journal is asked before the event is worked on. A first generation that was never delivered before is
/// almost certainly new. A handler that only records finds out otherwise in its transaction, which then cannot be kept;
/// one that calls out has to know before.
fn is_asked_about(spec: &HandlerSpec, delivery: &Delivery) -> bool {
    spec.has_effects || delivery.redelivered || delivery.envelope.generation > 0
}

async fn ask(
    host: &Host,
    handler: &str,
    events: &[(despatch_contracts::EventId, u32)],
) -> Result<Vec<Admission>, DbError> {
    if events.is_empty() {
        return Ok(Vec::new());
    }
    let started = tokio::time::Instant::now();
    let mut patience = Patience::new();
    loop {
        let answer = async { host.journal.admit(&host.db.client().await?, handler, events).await };
        match answer.await {
            Err(error) if started.elapsed() < PATIENCE && !host.abandon.is_cancelled() => {
                if error.kind() != DbErrorKind::Unreachable {
                    tracing::error!(handler, error = chain(&error), "the journal cannot be read");
                }
                host.health.not_ready(&host.database_part(), error.to_string());
                patience.wait().await;
            }
            answer => return answer,
        }
    }
}

/// What is to be done with an admitted event.
fn open(host: &Host, entry: &dyn Entry, delivery: &Delivery) -> Work {
    let refuse = |error: String, reason| Work::Failed(Failed { error, verdict: Verdict::Reject(reason) });
    if let Some(malformed) = &delivery.malformed {
        return refuse(malformed.to_string(), Reason::PayloadUndecodable);
    }
    let age = SystemTime::now().duration_since(delivery.id.created_at()).unwrap_or_default();
    let first = delivery.envelope.generation == 0 && !entry.spec().consumes_reports();
    if first && age > host.settings.journal_retention {
        return refuse(format!("{} days old", age.as_secs() / 86_400), Reason::EventExpired);
    }
    let job = match entry.job(delivery.envelope.event_type(), delivery.envelope.payload.clone()) {
        Ok(job) => job,
        Err(error) => return refuse(chain(&error), Reason::PayloadUndecodable),
    };
    match catch_unwind(AssertUnwindSafe(|| job.keys())) {
        Ok(keys) => Work::Handle { job, keys },
        Err(panic) => Work::Failed(panicked(panic.as_ref())),
    }
}

/// Acks what is settled already; where its open batch still stands, its follow-ons are published first. What of them
/// cannot be read keeps the batch open, and that is enough.
pub(crate) async fn settle_stale(host: &Host, handler: &str, stale: Vec<Delivery>) {
    let ids: Vec<Uuid> = stale.iter().map(|delivery| delivery.id.uuid()).collect();
    let finished = async {
        for batch in host.journal.open_of(&host.db.client().await?, handler, &ids).await? {
            host.finish(&batch).await?;
        }
        Ok::<_, DbError>(())
    };
    match finished.await {
        Ok(()) if !host.abandon.is_cancelled() => {
            for delivery in stale {
                delivery.ack().await;
            }
        }
        Ok(()) => {}
        Err(error) => {
            tracing::warn!(handler, error = chain(&error), "stale messages go back");
            for delivery in stale {
                delivery.give_back(GIVE_BACK).await;
            }
        }
    }
}
