//! The fourth stage: one transaction for everything that is ready.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::{Instant, SystemTime};

use despatch_contracts::Emitted;
use futures_util::future::{join, join_all, join3, lazy};
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tracing::Instrument;
use uuid::Uuid;

use crate::failpoint;
use crate::host::Host;
use crate::job::{Failed, HandlerSpec};
use crate::journal::Done;
use crate::keys::{ConcurrencyKeys, chains};
use crate::mend::{Setback, mend};
use crate::meters::Meters;
use crate::outcome::{Ended, Outcome, Reckoner};
use crate::perform::guarded;
use crate::publish::Recorded;
use crate::retry::Patience;
use crate::spans;
use crate::task::{Task, Work};
use crate::tx::{Transaction, Tx};

/// Records events until no more come.
pub(crate) async fn record(
    host: Arc<Host>,
    spec: HandlerSpec,
    meters: Meters,
    mut tasks: mpsc::UnboundedReceiver<Task>,
    next: mpsc::Sender<Recorded>,
) {
    while let Some(first) = tasks.recv().await {
        let mut turn = host.turn().await;
        // Gathered only now: what became ready while others had their turn shares this one.
        let mut ready = vec![first];
        while ready.len() < spec.policy.batch
            && let Ok(task) = tasks.try_recv()
        {
            ready.push(task);
        }
        let mut batches = VecDeque::from([ready]);
        let mut patience = Patience::new();
        while let Some(mut batch) = batches.pop_front() {
            if turn.is_none() {
                turn = host.turn().await;
            }
            let span = tracing::debug_span!("record", handler = spec.name, events = batch.len());
            let kept = keep(&host, &spec, &meters, &mut batch, &next, turn.take()).instrument(span).await;
            let Err(setback) = kept else { continue };
            tracing::debug!(handler = spec.name, ?setback, "a batch could not be kept");
            let Some(parts) = mend(&host, &spec, batch, setback, &mut patience).await else { return };
            parts.into_iter().rev().filter(|part| !part.is_empty()).for_each(|part| batches.push_front(part));
        }
        if next.is_closed() {
            // Without its publisher the pipeline is to be built anew.
            return;
        }
    }
}

/// Records a batch in one transaction and hands it on. The batch is empty afterwards unless there was a setback. The
/// turn ends when the commit is sent: waiting for the disk, or for the publisher, holds up nobody else.
async fn keep(
    host: &Host,
    spec: &HandlerSpec,
    meters: &Meters,
    batch: &mut Vec<Task>,
    next: &mpsc::Sender<Recorded>,
    turn: Option<OwnedSemaphorePermit>,
) -> Result<(), Setback> {
    let (began, since) = (SystemTime::now(), Instant::now());
    let client = host.db.client().await?;
    host.journal.warm(&client).await?;
    let tx = Transaction::on(client);
    let (open, outcomes) = match write(host, spec, &tx, batch, turn).await {
        Ok(written) => written,
        Err(setback) => {
            tx.roll_back().await;
            return Err(setback);
        }
    };
    tx.over();
    failpoint::pass("after-commit");
    meters.took("record", since);
    meters.recorded(batch.len());
    let span = spans::recorded(host, spec.name, began, batch.iter().map(|task| &task.handling));
    let recorded =
        hand_on(meters, batch, outcomes, Recorded { open, span, owed: Vec::new(), deliveries: Vec::new() });
    // Should the publisher be gone, the open batch says what is owed.
    let _ = next.send(recorded).await;
    Ok(())
}

/// Takes a committed batch apart: what is owed and what is to be acked, and each event's end is counted and seen.
fn hand_on(
    meters: &Meters,
    batch: &mut Vec<Task>,
    outcomes: Vec<Outcome>,
    mut recorded: Recorded,
) -> Recorded {
    let mut verdicts = [(Ended::Done, 0), (Ended::Retried, 0), (Ended::Deferred, 0), (Ended::Dead, 0)];
    for (task, outcome) in batch.drain(..).zip(outcomes) {
        let ended = outcome.ended();
        for (verdict, count) in &mut verdicts {
            *count += u64::from(*verdict == ended);
        }
        let attempts = outcome.attempts(&task);
        if matches!(ended, Ended::Done | Ended::Dead) {
            meters.settled(attempts);
        }
        task.handling.end(ended.name(), attempts, recorded.span.as_ref());
        recorded.owed.extend(outcome.follow_ons);
        recorded.deliveries.push(task.delivery);
    }
    for (verdict, count) in verdicts {
        meters.came_to(verdict.name(), count);
    }
    recorded
}

/// Runs the handlers, writes what became of each event, and commits. Answers the open batch, if the stream is owed
/// anything. Events that cannot be kept as they are come out of a setback marked as failed.
async fn write(
    host: &Host,
    spec: &HandlerSpec,
    tx: &Transaction,
    batch: &mut [Task],
    turn: Option<OwnedSemaphorePermit>,
) -> Result<(Option<i64>, Vec<Outcome>), Setback> {
    let results = match handle(host, tx, batch).await? {
        Handled::Kept(results) => results,
        Handled::Undone { refused, put_off } => {
            for (index, failed) in refused {
                batch[index].fail(failed);
            }
            return Err(Setback::Refused { put_off });
        }
    };
    for (task, result) in batch.iter_mut().zip(&results) {
        if let Err(failed) = result {
            task.show_failure(spec.name, failed);
        }
    }
    let reckoner = Reckoner::new(host, spec, tx, &results).await?;
    let outcomes: Vec<Outcome> =
        batch.iter().zip(results).map(|(task, result)| reckoner.reckon(task, result)).collect();
    // Follow-ons that the broker would refuse must not be committed.
    let mut all_sendable = true;
    for (task, outcome) in batch.iter_mut().zip(&outcomes) {
        if let Some(failed) = outcome.unsendable(&host.broker) {
            task.fail(failed);
            all_sendable = false;
        }
    }
    if !all_sendable {
        return Err(Setback::Refused { put_off: Vec::new() });
    }
    let open = commit(host, spec, tx, batch, &outcomes, turn).await?;
    Ok((open, outcomes))
}

/// What came of running the handlers.
enum Handled {
    /// The transaction stands, with each event's follow-ons or its failure.
    Kept(Vec<Result<Vec<Emitted>, Failed>>),
    /// The transaction is to be rolled back because events were refused after they had written something. Those whose
    /// refusal stands, and those that are to be tried apart from this batch.
    Undone { refused: Vec<(usize, Failed)>, put_off: Vec<usize> },
}

/// Runs every handler in the transaction: events that share a key one after the other, the rest together.
async fn handle(host: &Host, tx: &Transaction, batch: &[Task]) -> Result<Handled, Setback> {
    let keys: Vec<ConcurrencyKeys> = batch
        .iter()
        .map(|task| match &task.work {
            Work::Handle { keys, .. } => keys.clone(),
            Work::Failed(_) => ConcurrencyKeys::none(),
        })
        .collect();
    let mut locks: Vec<i64> = keys.iter().flat_map(|keys| keys.locks().iter().copied()).collect();
    locks.sort_unstable();
    locks.dedup();

    let opening = async { tx.client().batch_execute("begin").await.map_err(|error| tx.note(error.into())) };
    let lock = async {
        if locks.is_empty() {
            return Ok(());
        }
        host.journal.lock(tx.client(), &locks).await.map_err(|error| tx.note(error))
    };
    let chains = chains(&keys);
    let records = join_all(chains.iter().map(|chain| in_turn(host, tx, batch, chain)));
    // Polled in this order, so the statements go out in this order.
    let (begun, locked, recorded) = tx.run(join3(opening, lock, records)).await;
    if let (Some(trouble), said) = (tx.trouble(), begun.and(locked).err()) {
        let said = said.map(|error| error.to_string()).or_else(|| first_failure(&recorded));
        let said = said.unwrap_or_else(|| "a statement of an event that only looked ahead failed".to_owned());
        return Err(Setback::of(trouble, said));
    }
    let (refused, put_off) = refusals(&chains, &recorded);
    if !refused.is_empty() || !put_off.is_empty() {
        return Ok(Handled::Undone { refused, put_off });
    }
    let mut outcomes: Vec<_> = recorded.into_iter().flatten().collect();
    outcomes.sort_unstable_by_key(|record| record.index);
    Ok(Handled::Kept(outcomes.into_iter().map(|record| record.outcome).collect()))
}

/// One handler's run in the transaction.
struct Record {
    index: usize,
    outcome: Result<Vec<Emitted>, Failed>,
    wrote: bool,
}

impl Record {
    /// Whether it left something behind that must not be kept.
    fn spoils(&self) -> bool {
        self.wrote && self.outcome.is_err()
    }
}

/// Runs a chain until one of its events spoils the transaction: those behind it would see what is to be undone.
///
/// An event that ends without having written changes nothing for those behind it. After one such they look together, at
/// first two of them, then twice as many each time; what they came to stands up to the first that wants to write, which
/// then has its turn.
async fn in_turn(host: &Host, tx: &Transaction, batch: &[Task], chain: &[usize]) -> Vec<Record> {
    let mut records = Vec::with_capacity(chain.len());
    let (mut rest, mut ahead) = (chain, 0);
    while let Some(&next) = rest.first() {
        let looking = &rest[..ahead.min(rest.len())];
        let looks = join_all(looking.iter().map(|&index| look(host, tx, batch, index))).await;
        let mut ended: Vec<Record> = looks.into_iter().map_while(|record| record).collect();
        ahead = if ended.len() == looking.len() { ahead * 2 } else { 0 };
        if ended.is_empty() {
            let record = alone(host, tx, batch, next).await;
            ahead = if record.wrote { 0 } else { 2 };
            ended.push(record);
        }
        rest = &rest[ended.len()..];
        let spoilt = ended.last().is_some_and(Record::spoils) || tx.trouble().is_some();
        records.append(&mut ended);
        if spoilt {
            break;
        }
    }
    records
}

/// Runs an event of a batch.
async fn alone(host: &Host, tx: &Transaction, batch: &[Task], index: usize) -> Record {
    let task = &batch[index];
    match &task.work {
        Work::Failed(failed) => Record { index, outcome: Err(failed.clone()), wrote: false },
        Work::Handle { job, .. } => {
            let hold = hold(host, tx, task);
            let outcome = guarded(job.record(&hold)).await;
            Record { index, outcome, wrote: hold.wrote() }
        }
    }
}

/// Runs an event of a batch as far as it only reads; `None` when it wants to write.
async fn look(host: &Host, tx: &Transaction, batch: &[Task], index: usize) -> Option<Record> {
    let task = &batch[index];
    let Work::Handle { job, .. } = &task.work else { return None };
    let hold = hold(host, tx, task).looking();
    let mut recording = pin!(guarded(job.record(&hold)));
    poll_fn(|cx| {
        let polled = recording.as_mut().poll(cx);
        if hold.wrote() {
            return Poll::Ready(None);
        }
        polled.map(|outcome| Some(Record { index, outcome, wrote: false }))
    })
    .await
}

fn hold<'a>(host: &'a Host, tx: &'a Transaction, task: &'a Task) -> Tx<'a> {
    Tx::new(tx, &host.journal, task.delivery.envelope.event_type(), &task.handling.trace)
}

/// The refusals that stand, and the events that are to be tried again apart from the rest. A refusal stands when it was
/// decided on what is committed; one that may rest on writes that are undone with it proves nothing.
fn refusals(chains: &[Vec<usize>], recorded: &[Vec<Record>]) -> (Vec<(usize, Failed)>, Vec<usize>) {
    let (mut refused, mut put_off) = (Vec::new(), Vec::new());
    for (chain, records) in chains.iter().zip(recorded) {
        let Some((last, before)) = records.split_last() else { continue };
        let Err(failed) = &last.outcome else { continue };
        if !last.spoils() {
            continue;
        }
        let stands = !before.iter().any(|record| record.wrote);
        if stands {
            refused.push((last.index, failed.clone()));
        }
        put_off.extend(&chain[before.len() + usize::from(stands)..]);
    }
    (refused, put_off)
}

fn first_failure(recorded: &[Vec<Record>]) -> Option<String> {
    recorded.iter().flatten().find_map(|record| Some(record.outcome.as_ref().err()?.error.clone()))
}

/// Writes the journal and the open batch, and commits. Answers the open batch, if the stream is owed anything.
async fn commit(
    host: &Host,
    spec: &HandlerSpec,
    tx: &Transaction,
    batch: &[Task],
    outcomes: &[Outcome],
    turn: Option<OwnedSemaphorePermit>,
) -> Result<Option<i64>, Setback> {
    let (journal, client) = (&host.journal, tx.client());
    let started: Vec<Uuid> =
        batch.iter().filter(|task| task.suspect.is_some()).map(|task| task.id().uuid()).collect();
    if !started.is_empty() {
        journal.end_starts(client, spec.name, &started).await?;
    }
    let (plain, others): (Vec<_>, Vec<_>) =
        batch.iter().zip(outcomes).partition(|(_, outcome)| outcome.is_plain());
    let settled: Vec<_> = others.into_iter().map(|(task, outcome)| outcome.settlement(task)).collect();
    if !journal.settle(client, spec.name, &settled).await? {
        return Err(Setback::InTheWay);
    }
    let done: Vec<Done<'_>> = plain
        .into_iter()
        .map(|(task, outcome)| Done { id: task.id(), order_id: task.order_id(), outbox: outcome.outbox() })
        .collect();
    let owing: Vec<Uuid> = batch
        .iter()
        .zip(outcomes)
        .filter(|(_, outcome)| !outcome.follow_ons.is_empty())
        .map(|(task, _)| task.id().uuid())
        .collect();
    let record =
        async { if done.is_empty() { Ok(()) } else { journal.done(client, spec.name, &done).await } };
    let open = async {
        if owing.is_empty() { Ok(None) } else { journal.open(client, spec.name, &owing).await.map(Some) }
    };
    failpoint::pass("before-commit");
    // A commit that follows a failed statement rolls back, so all three can be under way together.
    // The turn ends when all is sent: waiting for the disk takes no core. Polled in this order too.
    let ended = lazy(|_| drop(turn));
    let ((recorded, opened), committed, ()) = join3(join(record, open), tx.commit(), ended).await;
    recorded?;
    let opened = opened?;
    committed?;
    Ok(opened)
}
