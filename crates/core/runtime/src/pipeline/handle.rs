//! Runs the handlers of a batch in one transaction: events that share a key one after the other, the others together.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;

use despatch_contracts::Emitted;
use futures_util::future::{join_all, join3};

use crate::context::WorkerContext;
use crate::db::{ConcurrencyKeys, Transaction};
use crate::pipeline::chains::chains;
use crate::pipeline::guard::guarded;
use crate::pipeline::split::BatchFailure;
use crate::pipeline::task::{Task, Work};
use crate::worker::{AfterCommit, Failed, Tx};

/// The result of running a batch's handlers.
pub(crate) enum BatchResult {
    /// The transaction can be committed, with these results.
    Kept(Vec<Handled>),
    /// The transaction must be rolled back, because events were rejected after they had written. `refused` are the
    /// certain rejections; `put_off` must be tried apart from this batch.
    Undone { refused: Vec<(usize, Failed)>, put_off: Vec<usize> },
}

/// Runs every handler in the transaction: events that share a key one after the other, the others together.
pub(crate) async fn handle(
    ctx: &WorkerContext,
    tx: &Transaction,
    batch: &[Task],
) -> Result<BatchResult, BatchFailure> {
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
        ctx.journal.lock(tx.client(), &locks).await.map_err(|error| tx.note(error))
    };
    let chains = chains(&keys);
    let records = join_all(chains.iter().map(|chain| run_chain(ctx, tx, batch, chain)));
    // The futures are polled in this order, so their statements are sent in this order.
    let (begun, locked, recorded) = tx.run(join3(opening, lock, records)).await;
    if let (Some(trouble), said) = (tx.trouble(), begun.and(locked).err()) {
        let said = said.map(|error| error.to_string()).or_else(|| first_failure(&recorded));
        let said = said.unwrap_or_else(|| "a statement of a speculative run failed".to_owned());
        return Err(BatchFailure::of(trouble, said));
    }
    let (refused, put_off) = refusals(&chains, &recorded);
    if !refused.is_empty() || !put_off.is_empty() {
        return Ok(BatchResult::Undone { refused, put_off });
    }
    let mut outcomes: Vec<_> = recorded.into_iter().flatten().collect();
    outcomes.sort_unstable_by_key(|record| record.index);
    Ok(BatchResult::Kept(
        outcomes.into_iter().map(|Record { outcome, hooks, .. }| Handled { outcome, hooks }).collect(),
    ))
}

/// The result of one event, before its transaction is committed.
pub(crate) struct Handled {
    pub(crate) outcome: Result<Vec<Emitted>, Failed>,
    /// Actions to run once the handler's writes are committed.
    pub(crate) hooks: Vec<AfterCommit>,
}

/// One handler's run in the transaction.
struct Record {
    index: usize,
    outcome: Result<Vec<Emitted>, Failed>,
    wrote: bool,
    hooks: Vec<AfterCommit>,
}

impl Record {
    /// Returns whether the run left writes that must be undone.
    fn needs_rollback(&self) -> bool {
        self.wrote && self.outcome.is_err()
    }
}

/// Runs a chain until one of its events requires a rollback, because later events would see what is undone.
///
/// An event that ends without a write changes nothing for the events behind it. After one such event the next ones run
/// speculatively: two at first, then twice as many each time. Their results hold up to the first event that wants to
/// write, which then runs alone.
async fn run_chain(ctx: &WorkerContext, tx: &Transaction, batch: &[Task], chain: &[usize]) -> Vec<Record> {
    let mut records = Vec::with_capacity(chain.len());
    let (mut rest, mut ahead) = (chain, 0);
    while let Some(&next) = rest.first() {
        let looking = &rest[..ahead.min(rest.len())];
        let looks = join_all(looking.iter().map(|&index| run_speculatively(ctx, tx, batch, index))).await;
        let mut ended: Vec<Record> = looks.into_iter().map_while(|record| record).collect();
        ahead = if ended.len() == looking.len() { ahead * 2 } else { 0 };
        if ended.is_empty() {
            let record = run_one(ctx, tx, batch, next).await;
            ahead = if record.wrote { 0 } else { 2 };
            ended.push(record);
        }
        rest = &rest[ended.len()..];
        let spoilt = ended.last().is_some_and(Record::needs_rollback) || tx.trouble().is_some();
        records.append(&mut ended);
        if spoilt {
            break;
        }
    }
    records
}

/// Runs one event of a batch.
async fn run_one(ctx: &WorkerContext, tx: &Transaction, batch: &[Task], index: usize) -> Record {
    let task = &batch[index];
    match &task.work {
        Work::Failed(failed) => {
            Record { index, outcome: Err(failed.clone()), wrote: false, hooks: Vec::new() }
        }
        Work::Handle { event, .. } => {
            let tx = tx_for(ctx, tx, task);
            let outcome = guarded(event.record(&tx)).await;
            Record { index, outcome, wrote: tx.wrote(), hooks: tx.take_hooks() }
        }
    }
}

/// Runs one event of a batch as long as it only reads; returns `None` if it wants to write.
async fn run_speculatively(
    ctx: &WorkerContext,
    tx: &Transaction,
    batch: &[Task],
    index: usize,
) -> Option<Record> {
    let task = &batch[index];
    let Work::Handle { event, .. } = &task.work else { return None };
    let tx = tx_for(ctx, tx, task).reading();
    let mut recording = pin!(guarded(event.record(&tx)));
    poll_fn(|cx| {
        let polled = recording.as_mut().poll(cx);
        if tx.wrote() {
            return Poll::Ready(None);
        }
        polled.map(|outcome| Some(Record { index, outcome, wrote: false, hooks: tx.take_hooks() }))
    })
    .await
}

fn tx_for<'a>(ctx: &'a WorkerContext, tx: &'a Transaction, task: &'a Task) -> Tx<'a> {
    Tx::new(tx, &ctx.journal, task.delivery.envelope.event_type(), &task.event_span.trace)
}

/// Returns the final rejections, and the events to try again apart from the rest. A rejection is final if it rests on
/// committed state. One that may rest on writes that are undone with it proves nothing.
fn refusals(chains: &[Vec<usize>], recorded: &[Vec<Record>]) -> (Vec<(usize, Failed)>, Vec<usize>) {
    let (mut refused, mut put_off) = (Vec::new(), Vec::new());
    for (chain, records) in chains.iter().zip(recorded) {
        let Some((last, before)) = records.split_last() else { continue };
        let Err(failed) = &last.outcome else { continue };
        if !last.needs_rollback() {
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
