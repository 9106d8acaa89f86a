//! The committer: commits everything that is ready in the queue in one transaction, with one statement per set.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use despatch_contracts::Subject;
use despatch_domain::Reason;
use despatch_runtime::{DbError, DbErrorKind, Outbox, OutboxMessage, RejectedInput, Unpublished};
use futures_util::FutureExt as _;
use opentelemetry::global;
use opentelemetry::metrics::Counter;
use tokio::sync::{Semaphore, mpsc};
use tokio_util::task::TaskTracker;

use super::lookup::BatchLookup;
use super::queue::{QueuedSubmission, Receipt, SubmitError};
use super::submission::Submission;
use super::trace::linked_trace;

/// Most committed events on their way to the broker at the same time: some seconds of a flood. If the broker does not
/// accept them, further ones are left to the sweeper instead of filling the memory.
const PUBLISHING: usize = 8192;

/// How long the last batches may take to reach the broker when the gateway stops. The sweeper publishes the rest.
const DRAIN_WAIT: Duration = Duration::from_secs(2);

/// The largest body that a dead letter carries, because the letter must pass through the broker, whose limit is 1 MiB
/// unless configured otherwise.
const LARGEST_BODY: usize = 512 * 1024;

/// Turns submissions into committed rows, and these into events.
pub(crate) struct Committer {
    outbox: Outbox,
    batch: usize,
    publishing: TaskTracker,
    permits: Arc<Semaphore>,
    placed: Counter<u64>,
}

impl Committer {
    pub(crate) fn new(outbox: Outbox, batch: usize) -> Self {
        let permits = Arc::new(Semaphore::new(PUBLISHING.max(batch)));
        let placed = global::meter("despatch").u64_counter("despatch.orders_placed").build();
        // A counter that begins at zero shows its first rise.
        placed.add(0, &[]);
        Committer { outbox, batch, publishing: TaskTracker::new(), permits, placed }
    }

    /// Runs until every sending end of the queue is gone. Submissions that arrive during one commit are the next batch.
    /// So a lone order waits for no other, and a flood shares its commits.
    pub(crate) async fn run(self, mut received: mpsc::Receiver<QueuedSubmission>) {
        let mut batch = Vec::with_capacity(self.batch);
        while received.recv_many(&mut batch, self.batch).await > 0 {
            // A sender that has given up will send again.
            batch.retain(|queued| !queued.reply.is_closed());
            if batch.iter().any(is_probe) {
                let probes: Vec<_> = batch.extract_if(.., |queued| is_probe(queued)).collect();
                self.rehearse_and_reply(probes).await;
            }
            // An empty batch would pass for a commit.
            if !batch.is_empty() {
                self.commit_and_reply(std::mem::take(&mut batch)).await;
            }
        }
        self.publishing.close();
        if tokio::time::timeout(DRAIN_WAIT, self.publishing.wait()).await.is_err() {
            tracing::info!("last events left to the sweeper");
        }
    }

    /// Commits for nothing but the probes, which must not fail anybody's order.
    async fn rehearse_and_reply(&self, probes: Vec<QueuedSubmission>) {
        let answer = match guarded(self.outbox.rehearse()).await {
            Ok(()) => Ok(Receipt::Noted),
            Err(error) => {
                tracing::warn!(%error, "commit probe failed");
                Err(SubmitError::Unavailable)
            }
        };
        reply(probes, std::iter::repeat(answer));
    }

    async fn commit_and_reply(&self, batch: Vec<QueuedSubmission>) {
        match guarded(self.commit(&batch)).await {
            Ok(receipts) => {
                let placed = receipts.iter().filter(|receipt| matches!(receipt, Receipt::Placed(_)));
                self.placed.add(placed.count() as u64, &[]);
                reply(batch, receipts.into_iter().map(Ok));
            }
            // One submission that cannot be committed must not fail its neighbours.
            Err(error) if error.is_of_the_submission() && batch.len() > 1 => {
                for queued in batch {
                    Box::pin(self.commit_and_reply(vec![queued])).await;
                }
            }
            Err(error) if error.is_of_the_submission() => {
                tracing::error!(%error, "submission not committed");
                reply(batch, std::iter::repeat(Err(SubmitError::Rejected)));
            }
            Err(error) => {
                tracing::warn!(%error, submissions = batch.len(), "batch not committed");
                reply(batch, std::iter::repeat(Err(SubmitError::Unavailable)));
            }
        }
    }

    async fn commit(&self, batch: &[QueuedSubmission]) -> Result<Vec<Receipt>, DbError> {
        if batch.is_empty() {
            return Ok(Vec::new());
        }
        let mut client = self.outbox.database().client().await?;
        let tx = client.transaction().await?;
        let lookup = BatchLookup::of(&tx, batch).await?;
        let messages: Vec<OutboxMessage> =
            batch.iter().filter_map(|queued| self.message(queued, &lookup)).collect();
        let events = messages.len();
        let unpublished = self.outbox.enqueue(&tx, messages).await?;
        tx.commit().await?;
        // Without a row a commit writes nothing, and says nothing about the disk.
        if events > 0 {
            self.outbox.note_commit();
        }
        self.publish(unpublished, events);
        Ok(batch.iter().map(|queued| lookup.receipt(queued)).collect())
    }

    /// Publishes in the background. No sender waits for the broker, because committed events reach it later.
    fn publish(&self, unpublished: Unpublished, events: usize) {
        let events = u32::try_from(events).unwrap_or(u32::MAX);
        if let Ok(permit) = self.permits.clone().try_acquire_many_owned(events) {
            let outbox = self.outbox.clone();
            self.publishing.spawn(async move {
                outbox.publish(unpublished).await;
                drop(permit);
            });
        }
    }

    /// Returns the submission's message; `None` if it was committed before.
    fn message(&self, queued: &QueuedSubmission, lookup: &BatchLookup) -> Option<OutboxMessage> {
        let id = queued.event_id;
        let event = match &queued.submission {
            Submission::Order(order) => match lookup.receipt(queued) {
                Receipt::Placed(_) => &order.event,
                Receipt::Changed(known) if lookup.is_first(id) => {
                    let error = format!(
                        "{} {} came again with other contents; it is {known}",
                        order.shop, order.shop_order_id
                    );
                    let known = known.to_string();
                    return Some(self.dead_letter(queued, Reason::OrderChanged, &known, &order.body, error));
                }
                Receipt::Changed(_)
                | Receipt::Same(_)
                | Receipt::Cancelled(_)
                | Receipt::RequestChanged
                | Receipt::Noted => return None,
            },
            Submission::ShopOrder(order) => match lookup.receipt(queued) {
                Receipt::Placed(_) => &order.event,
                _ => return None,
            },
            Submission::Update(order) if lookup.is_first(id) => &order.event,
            Submission::Payment(payment) if lookup.is_first(id) => &payment.event,
            Submission::Refund(refund) if lookup.is_first(id) => &refund.event,
            Submission::Cancel(cancel) if lookup.is_first(id) => {
                let Receipt::Cancelled(order_id) = lookup.receipt(queued) else { return None };
                &cancel.event(order_id)
            }
            Submission::Kept(webhook) if lookup.is_first(id) => &webhook.event,
            Submission::Scan(_, event) if lookup.is_first(id) => event,
            Submission::UnknownParcel(scan, body) if lookup.is_first(id) => {
                let error = format!("no parcel of ours is {} {}", scan.carrier, scan.tracking_number);
                return Some(self.dead_letter(queued, Reason::TrackingUnknown, "", body, error));
            }
            Submission::Stock(command) if lookup.is_first(id) => &command.event,
            Submission::Event(event) => event,
            Submission::Update(_)
            | Submission::Payment(_)
            | Submission::Refund(_)
            | Submission::Cancel(_)
            | Submission::Kept(_)
            | Submission::Scan(..)
            | Submission::UnknownParcel(..)
            | Submission::Stock(_)
            | Submission::Probe => return None,
        };
        // An event about an order belongs in the order's trace, whichever sender it comes from.
        let about = match (&queued.submission, lookup.receipt(queued)) {
            (Submission::Cancel(_), Receipt::Cancelled(order_id)) => Some(order_id),
            (submission, _) => submission.about(),
        };
        let Some(order) = about.and_then(|order| lookup.trace_of(order)) else {
            return Some(self.outbox.event(id, event.clone(), &queued.trace));
        };
        let message = || {
            let trace = linked_trace(order, &queued.trace, event.event_type);
            self.outbox.event(id, event.clone(), &trace)
        };
        Some(queued.message.get_or_init(message).clone())
    }

    /// Returns the dead letter of a submission that cannot become an event.
    fn dead_letter(
        &self,
        queued: &QueuedSubmission,
        reason: Reason,
        order_id: &str,
        body: &Bytes,
        mut error: String,
    ) -> OutboxMessage {
        let letter = || {
            let mut body = body.clone();
            if body.len() > LARGEST_BODY {
                error = format!("{error}; its {} bytes are too many to be kept", body.len());
                body.clear();
            }
            let rejected = RejectedInput { reason, subject: Subject::order(order_id), error, body };
            self.outbox.dead_letter(queued.event_id, rejected, &queued.trace)
        };
        queued.message.get_or_init(letter).clone()
    }
}

/// Why a batch was not committed.
#[derive(Debug, thiserror::Error)]
enum CommitError {
    #[error(transparent)]
    Database(#[from] DbError),
    /// A defect. The log has the panic.
    #[error("the committer panicked")]
    Panicked,
}

impl CommitError {
    /// Returns whether one of the submissions is the cause, rather than a database that accepts none.
    fn is_of_the_submission(&self) -> bool {
        match self {
            CommitError::Database(error) => {
                matches!(error.kind(), DbErrorKind::Data | DbErrorKind::Duplicate)
            }
            CommitError::Panicked => true,
        }
    }
}

/// Turns a panic into an error of its batch, because the next batch needs the committer. The transaction is rolled back.
async fn guarded<T>(work: impl Future<Output = Result<T, DbError>>) -> Result<T, CommitError> {
    match AssertUnwindSafe(work).catch_unwind().await {
        Ok(done) => Ok(done?),
        Err(_) => Err(CommitError::Panicked),
    }
}

fn is_probe(queued: &QueuedSubmission) -> bool {
    matches!(queued.submission, Submission::Probe)
}

fn reply(batch: Vec<QueuedSubmission>, results: impl Iterator<Item = Result<Receipt, SubmitError>>) {
    for (queued, result) in batch.into_iter().zip(results) {
        // A sender that has given up meanwhile will send again, and get the same reply.
        let _ = queued.reply.send(result);
    }
}

#[cfg(test)]
mod tests;
