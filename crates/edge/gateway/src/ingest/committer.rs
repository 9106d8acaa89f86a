//! Commits what lies on the desk: as much as is ready, in one transaction, set by set.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use deadpool_postgres::Transaction;
use despatch_contracts::Trace;
use despatch_domain::Reason;
use despatch_runtime::{DbError, Outbox, OutboxMessage, RejectedInput, Unpublished};
use opentelemetry::global;
use opentelemetry::metrics::Counter;
use tokio::sync::{Semaphore, mpsc};
use tokio_util::task::TaskTracker;
use uuid::Uuid;

use crate::ingest::new_order::Placement;
use crate::ingest::queue::{Entry, Job, Outcome, Trouble};
use crate::ingest::store::{self, Known, Scan};
use crate::ingest::trace::linked_trace;

/// The most committed events that may be on their way to the broker at once: some seconds of a flood. While it does
/// not take them, further ones are left to the runtime's sweeper instead of piling up in memory.
const PUBLISHING: usize = 8192;

/// How long the last batches may take to reach the broker when the gateway stops; the sweeper does the rest.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// The largest body that a dead letter carries: the letter has to pass through the broker, which takes 1 MiB unless
/// told otherwise.
const LARGEST_BODY: usize = 512 * 1024;

/// Turns jobs into committed rows, and those into events.
pub(crate) struct Clerk {
    intake: Outbox,
    batch: usize,
    publishing: TaskTracker,
    permits: Arc<Semaphore>,
    placed: Counter<u64>,
}

impl Clerk {
    pub(crate) fn new(intake: Outbox, batch: usize) -> Self {
        let permits = Arc::new(Semaphore::new(PUBLISHING.max(batch)));
        let placed = global::meter("despatch").u64_counter("despatch.orders_placed").build();
        // A rise is only seen by whoever has seen it begin.
        placed.add(0, &[]);
        Clerk { intake, batch, publishing: TaskTracker::new(), permits, placed }
    }

    /// Works until every desk is gone. Jobs that come in during one commit are the next one's batch, so a lone order
    /// waits for nobody and a flood shares its commits.
    pub(crate) async fn work(self, mut received: mpsc::Receiver<Job>) {
        let mut jobs = Vec::with_capacity(self.batch);
        while received.recv_many(&mut jobs, self.batch).await > 0 {
            // Whoever has given up will send again.
            jobs.retain(|job| !job.answer.is_closed());
            self.serve(std::mem::take(&mut jobs)).await;
        }
        self.publishing.close();
        if tokio::time::timeout(LAST_WORDS, self.publishing.wait()).await.is_err() {
            tracing::info!("the last events are left to the sweeper");
        }
    }

    async fn serve(&self, jobs: Vec<Job>) {
        match self.commit(&jobs).await {
            Ok(outcomes) => {
                let placed = outcomes.iter().filter(|outcome| matches!(outcome, Outcome::Placed(_)));
                self.placed.add(placed.count() as u64, &[]);
                answer(jobs, outcomes.into_iter().map(Ok));
            }
            // One entry that the database refuses must not take its neighbours down.
            Err(error) if refuses_data(&error) && jobs.len() > 1 => {
                for job in jobs {
                    Box::pin(self.serve(vec![job])).await;
                }
            }
            Err(error) if refuses_data(&error) => {
                tracing::error!(%error, "an entry could not be committed");
                answer(jobs, std::iter::repeat(Err(Trouble::Refused)));
            }
            Err(error) => {
                tracing::warn!(%error, jobs = jobs.len(), "nothing can be committed");
                answer(jobs, std::iter::repeat(Err(Trouble::Unavailable)));
            }
        }
    }

    async fn commit(&self, jobs: &[Job]) -> Result<Vec<Outcome>, DbError> {
        if jobs.is_empty() {
            return Ok(Vec::new());
        }
        let mut client = self.intake.database().client().await?;
        let tx = client.transaction().await?;
        let seen = Seen::of(&tx, jobs).await?;
        let arrivals: Vec<OutboxMessage> = jobs.iter().filter_map(|job| self.arrival(job, &seen)).collect();
        let events = arrivals.len();
        let owed = self.intake.enqueue(&tx, arrivals).await?;
        tx.commit().await?;
        self.publish(owed, events);
        Ok(jobs.iter().map(|job| seen.outcome(job)).collect())
    }

    /// Nobody who sent something waits for the broker: what is committed reaches it.
    fn publish(&self, owed: Unpublished, events: usize) {
        let events = u32::try_from(events).unwrap_or(u32::MAX);
        if let Ok(permit) = self.permits.clone().try_acquire_many_owned(events) {
            let intake = self.intake.clone();
            self.publishing.spawn(async move {
                intake.publish(owed).await;
                drop(permit);
            });
        }
    }

    /// What the job puts on the stream; `None` when it was there before.
    fn arrival(&self, job: &Job, seen: &Seen) -> Option<OutboxMessage> {
        let id = job.event_id;
        let dead = |reason, order_id: &str, body: &Bytes, mut error: String| {
            let refuse = || {
                let mut body = body.clone();
                if body.len() > LARGEST_BODY {
                    error = format!("{error}; its {} bytes are too many to be kept", body.len());
                    body.clear();
                }
                self.intake.dead_letter(id, RejectedInput { reason, order_id, error, body }, &job.trace)
            };
            job.arrival.get_or_init(refuse).clone()
        };
        let event = match &job.entry {
            Entry::Order(order) => match seen.outcome(job) {
                Outcome::Placed(_) => &order.event,
                Outcome::Changed(known) if seen.first.contains(&id.uuid()) => {
                    let error = format!(
                        "{} {} came again with other contents; it is {known}",
                        order.shop, order.shop_order_id
                    );
                    return Some(dead(Reason::OrderChanged, &known.to_string(), &order.body, error));
                }
                Outcome::Changed(_) | Outcome::Same(_) | Outcome::Noted => return None,
            },
            Entry::Scan(_, event) if seen.first.contains(&id.uuid()) => event,
            Entry::Stray(scan, body) if seen.first.contains(&id.uuid()) => {
                let error = format!("no parcel of ours is {} {}", scan.carrier, scan.tracking_number);
                return Some(dead(Reason::TrackingUnknown, "", body, error));
            }
            Entry::Event(event) => event,
            Entry::Scan(..) | Entry::Stray(..) | Entry::Probe => return None,
        };
        // What comes about an order belongs in the order's trace, whoever sent it.
        let Some(order) = about(job).and_then(|order| seen.traces.get(&order)) else {
            return Some(self.intake.event(id, event.clone(), &job.trace));
        };
        let admit = || {
            let trace = linked_trace(order, &job.trace, event.event_type);
            self.intake.event(id, event.clone(), &trace)
        };
        Some(job.arrival.get_or_init(admit).clone())
    }
}

/// What the database knew of a batch, and now knows.
#[derive(Default)]
struct Seen {
    /// Orders that are new.
    placed: HashSet<Uuid>,
    /// Orders that are not, by the id that they were not given.
    known: HashMap<Uuid, Known>,
    /// Events of changed orders and of scans that were not there before.
    first: HashSet<Uuid>,
    /// Where the traces begin of the orders that something else is about.
    traces: HashMap<Uuid, Trace>,
}

impl Seen {
    async fn of(tx: &Transaction<'_>, jobs: &[Job]) -> Result<Self, DbError> {
        let mut seen = Seen::default();
        let orders: Vec<(&Placement, Uuid)> = jobs.iter().filter_map(order).collect();
        if !orders.is_empty() {
            let placements: Vec<&Placement> = orders.iter().map(|(order, _)| *order).collect();
            let placing = jobs.iter().filter(|job| order(job).is_some());
            let traceparents: Vec<String> = placing.map(|job| job.trace.to_string()).collect();
            seen.placed = store::place(tx, &placements, &traceparents).await?;
        }
        let later: Vec<Uuid> = jobs.iter().filter_map(about).collect();
        if !later.is_empty() {
            seen.traces = store::traces(tx, &later).await?;
        }
        let again: Vec<&Placement> = orders
            .iter()
            .map(|(order, _)| *order)
            .filter(|order| !seen.placed.contains(&order.order_id))
            .collect();
        if !again.is_empty() {
            seen.known = store::known(tx, &again).await?;
        }
        let changed: Vec<(&Placement, Uuid)> = orders
            .into_iter()
            .filter(|(order, _)| matches!(seen.order(order), Outcome::Changed(_)))
            .collect();
        if !changed.is_empty() {
            seen.first.extend(store::note_changed(tx, &changed).await?);
        }
        let scans: Vec<Scan<'_>> = jobs.iter().filter_map(scan).collect();
        if !scans.is_empty() {
            seen.first.extend(store::note_movements(tx, &scans).await?);
        }
        Ok(seen)
    }

    fn outcome(&self, job: &Job) -> Outcome {
        match &job.entry {
            Entry::Order(order) => self.order(order),
            Entry::Scan(..) | Entry::Stray(..) | Entry::Event(_) | Entry::Probe => Outcome::Noted,
        }
    }

    fn order(&self, order: &Placement) -> Outcome {
        match self.known.get(&order.order_id) {
            // Rows are never deleted, so one that was in the way of this order's can be found.
            None => Outcome::Placed(order.order_id),
            Some(known) if known.digest == order.digest => Outcome::Same(known.order_id),
            Some(known) => Outcome::Changed(known.order_id),
        }
    }
}

fn order(job: &Job) -> Option<(&Placement, Uuid)> {
    match &job.entry {
        Entry::Order(order) => Some((order, job.event_id.uuid())),
        _ => None,
    }
}

/// The order that a job is about, where it does not bring it.
fn about(job: &Job) -> Option<Uuid> {
    match &job.entry {
        Entry::Scan(_, event) | Entry::Event(event) => Uuid::try_parse(&event.order_id).ok(),
        Entry::Order(_) | Entry::Stray(..) | Entry::Probe => None,
    }
}

fn scan(job: &Job) -> Option<Scan<'_>> {
    let (scan, order_id) = match &job.entry {
        Entry::Scan(scan, event) => (scan, &*event.order_id),
        Entry::Stray(scan, _) => (scan, ""),
        Entry::Order(_) | Entry::Event(_) | Entry::Probe => return None,
    };
    Some(Scan {
        carrier: &scan.carrier,
        tracking_number: &scan.tracking_number,
        movement: scan.movement.as_str(),
        order_id,
        event_id: job.event_id.uuid(),
    })
}

/// Whether the database refused what it was given, rather than being unable to take anything: a data exception, a
/// violated constraint, or a limit (classes 22, 23 and 54 of
/// <https://www.postgresql.org/docs/current/errcodes-appendix.html>).
fn refuses_data(error: &DbError) -> bool {
    let DbError::Statement(error) = error else { return false };
    error.code().is_some_and(|state| ["22", "23", "54"].contains(&&state.code()[..2]))
}

fn answer(jobs: Vec<Job>, outcomes: impl Iterator<Item = Result<Outcome, Trouble>>) {
    for (job, outcome) in jobs.into_iter().zip(outcomes) {
        // Whoever has given up meanwhile will send again, and hear the same.
        let _ = job.answer.send(outcome);
    }
}

#[cfg(test)]
mod tests;
