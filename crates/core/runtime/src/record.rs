//! The fourth stage: one transaction for everything that is ready.

use std::collections::VecDeque;
use std::sync::Arc;

use despatch_contracts::Emitted;
use futures_util::future::{join, join_all, join3};
use tokio::sync::mpsc;
use tracing::Instrument;
use uuid::Uuid;

use crate::admit::settle_stale;
use crate::database::{DbError, Trouble};
use crate::failpoint;
use crate::handler::Verdict;
use crate::host::Host;
use crate::job::{Failed, Spec};
use crate::journal::{Admission, Done};
use crate::keys::{Keys, chains};
use crate::outcome::{Outcome, Reckoner};
use crate::perform::guarded;
use crate::publish::Recorded;
use crate::retry::Patience;
use crate::task::{Task, Work};
use crate::tx::{Transaction, Tx};

/// Records events until no more come.
pub(crate) async fn record(
    host: Arc<Host>,
    spec: Spec,
    mut tasks: mpsc::UnboundedReceiver<Task>,
    next: mpsc::Sender<Recorded>,
) {
    let mut ready = Vec::with_capacity(spec.policy.batch);
    while tasks.recv_many(&mut ready, spec.policy.batch).await > 0 {
        let mut batches = VecDeque::from([std::mem::take(&mut ready)]);
        let mut patience = Patience::new();
        while let Some(mut batch) = batches.pop_front() {
            let span = tracing::debug_span!("record", handler = spec.name, events = batch.len());
            let Err(setback) = keep(&host, &spec, &mut batch, &next).instrument(span).await else { continue };
            tracing::debug!(handler = spec.name, ?setback, "a batch could not be kept");
            match &setback {
                Setback::Unreachable(why) => host.health.waiting(&host.database_part(), why.clone()),
                Setback::Refused | Setback::InTheWay | Setback::Statement(_) => {}
            }
            if setback.is_worth_a_wait() {
                tokio::select! {
                    () = patience.wait() => {}
                    () = host.abandon.cancelled() => return,
                }
            }
            let Some(mut batch) = readmit(&host, &spec, batch).await else { return };
            if let Setback::Statement(error) = setback {
                if let [task] = batch.as_mut_slice() {
                    // Alone it still fails, so it is this event's own doing.
                    task.fail(Failed { error, verdict: Verdict::Retry });
                } else {
                    let rest = batch.split_off(batch.len() / 2);
                    batches.push_front(rest);
                }
            }
            if !batch.is_empty() {
                batches.push_front(batch);
            }
        }
        // The window for the next batch.
        ready.reserve(spec.policy.batch);
    }
}

/// Why a transaction was not kept.
#[derive(Debug)]
enum Setback {
    /// The database is away.
    Unreachable(String),
    /// Another transaction was in the way, or faster.
    InTheWay,
    /// Events that had written something were refused by their handlers; they are marked, the others run again.
    Refused,
    /// A statement failed.
    Statement(String),
}

impl Setback {
    fn is_worth_a_wait(&self) -> bool {
        match self {
            Setback::Unreachable(_) | Setback::InTheWay => true,
            Setback::Refused | Setback::Statement(_) => false,
        }
    }

    fn of(trouble: Trouble, said: String) -> Self {
        match trouble {
            Trouble::Unreachable => Setback::Unreachable(said),
            Trouble::Contention | Trouble::Duplicate => Setback::InTheWay,
            Trouble::Aftermath | Trouble::Statement => Setback::Statement(said),
        }
    }
}

impl From<DbError> for Setback {
    fn from(error: DbError) -> Self {
        Setback::of(error.trouble(), error.to_string())
    }
}

/// Asks the journal again about events that could not be recorded: another replica may have been faster. `None` when
/// the process was told to let go.
async fn readmit(host: &Host, spec: &Spec, batch: Vec<Task>) -> Option<Vec<Task>> {
    let events: Vec<_> = batch.iter().map(|task| (task.id(), task.generation())).collect();
    let admissions = host
        .insist(|| async { host.journal.admit(&host.db.client().await?, spec.name, &events).await })
        .await?;
    let admissions = match admissions {
        Ok(admissions) => admissions,
        Err(error) => {
            tracing::error!(handler = spec.name, %error, "the journal cannot be read");
            return Some(batch);
        }
    };
    let (mut admitted, mut stale) = (Vec::with_capacity(batch.len()), Vec::new());
    for (task, admission) in batch.into_iter().zip(admissions) {
        match admission {
            Admission::Stale => stale.push(task.delivery),
            Admission::New | Admission::Again(_) => admitted.push(task),
        }
    }
    if !stale.is_empty() {
        settle_stale(host, spec.name, stale).await;
    }
    Some(admitted)
}

/// Records a batch in one transaction and hands it on. The batch is empty afterwards unless there was a setback.
async fn keep(
    host: &Host,
    spec: &Spec,
    batch: &mut Vec<Task>,
    next: &mpsc::Sender<Recorded>,
) -> Result<(), Setback> {
    let client = host.db.client().await?;
    host.journal.warm(&client).await?;
    let tx = Transaction::on(client);
    let (tx, outcomes) = match handle(host, tx, batch).await? {
        Handled::Kept(tx, outcomes) => (tx, outcomes),
        Handled::Undone(refused) => {
            for (index, failed) in refused {
                batch[index].fail(failed);
            }
            return Err(Setback::Refused);
        }
    };
    let reckoner = Reckoner::new(host, spec, &tx, &outcomes).await?;
    let outcomes: Vec<Outcome> =
        batch.iter().zip(outcomes).map(|(task, outcome)| reckoner.reckon(task, outcome)).collect();
    // Follow-ons that the broker would refuse must not be committed.
    let oversized: Vec<(usize, Failed)> = outcomes
        .iter()
        .enumerate()
        .filter_map(|(index, outcome)| outcome.oversized(&host.broker).map(|failed| (index, failed)))
        .collect();
    if !oversized.is_empty() {
        tx.roll_back().await;
        for (index, failed) in oversized {
            batch[index].fail(failed);
        }
        return Err(Setback::Refused);
    }
    let open = commit(host, spec, tx, batch, &outcomes).await?;
    failpoint::pass("after-commit");
    let owed = outcomes.into_iter().flat_map(|outcome| outcome.follow_ons).collect();
    let deliveries = batch.drain(..).map(|task| task.delivery).collect();
    // The publisher outlives the recorder; were it gone, the open batch would say what is owed.
    let _ = next.send(Recorded { open, owed, deliveries }).await;
    Ok(())
}

/// What came of running the handlers.
enum Handled {
    /// The transaction stands, with each event's follow-ons or its failure.
    Kept(Transaction, Vec<Result<Vec<Emitted>, Failed>>),
    /// The transaction was rolled back because of these.
    Undone(Vec<(usize, Failed)>),
}

/// Runs every handler in the transaction: events that share a key one after the other, the rest together.
async fn handle(host: &Host, tx: Transaction, batch: &[Task]) -> Result<Handled, Setback> {
    let keys: Vec<Keys> = batch
        .iter()
        .map(|task| match &task.work {
            Work::Handle(job) => job.keys(),
            Work::Failed(_) => Keys::none(),
        })
        .collect();
    let mut locks: Vec<i64> = keys.iter().flat_map(|keys| keys.locks().iter().copied()).collect();
    locks.sort_unstable();
    locks.dedup();

    let begin = async { tx.client().batch_execute("begin").await.map_err(|error| tx.note(error.into())) };
    let lock = async {
        if locks.is_empty() {
            return Ok(());
        }
        host.journal.lock(tx.client(), &locks).await.map_err(|error| tx.note(error))
    };
    let chains = chains(&keys);
    let records = join_all(chains.iter().map(|chain| in_turn(host, &tx, batch, chain)));
    // Polled in this order, so the statements go out in this order.
    let (begun, locked, recorded) = join3(begin, lock, records).await;
    if let (Some(trouble), said) = (tx.trouble(), begun.and(locked).err()) {
        let said =
            said.map(|error| error.to_string()).or_else(|| first_failure(&recorded)).unwrap_or_default();
        tx.roll_back().await;
        return Err(Setback::of(trouble, said));
    }
    let mut outcomes: Vec<Option<Result<Vec<Emitted>, Failed>>> = batch.iter().map(|_| None).collect();
    let mut undo = false;
    for (index, outcome, wrote) in recorded.into_iter().flatten() {
        undo |= wrote && outcome.is_err();
        outcomes[index] = Some(outcome);
    }
    let outcomes = outcomes.into_iter().map(|outcome| outcome.unwrap_or_else(|| Ok(Vec::new())));
    if undo {
        tx.roll_back().await;
        let refused = outcomes.enumerate().filter_map(|(index, outcome)| Some((index, outcome.err()?)));
        return Ok(Handled::Undone(refused.collect()));
    }
    let outcomes = outcomes.collect();
    Ok(Handled::Kept(tx, outcomes))
}

type Record = (usize, Result<Vec<Emitted>, Failed>, bool);

async fn in_turn(host: &Host, tx: &Transaction, batch: &[Task], chain: &[usize]) -> Vec<Record> {
    let mut records = Vec::with_capacity(chain.len());
    for &index in chain {
        let task = &batch[index];
        let record = match &task.work {
            Work::Failed(failed) => (index, Err(failed.clone()), false),
            Work::Handle(job) => {
                let hold = Tx::new(tx, &host.journal, &task.trace);
                let outcome = guarded(job.record(&hold)).await;
                (index, outcome, hold.wrote())
            }
        };
        records.push(record);
    }
    records
}

fn first_failure(recorded: &[Vec<Record>]) -> Option<String> {
    recorded.iter().flatten().find_map(|(_, outcome, _)| Some(outcome.as_ref().err()?.error.clone()))
}

/// Writes the journal and the open batch, and commits. Answers the open batch, if the stream is owed anything.
async fn commit(
    host: &Host,
    spec: &Spec,
    tx: Transaction,
    batch: &[Task],
    outcomes: &[Outcome],
) -> Result<Option<i64>, Setback> {
    let (journal, client) = (&host.journal, tx.client());
    let started: Vec<Uuid> =
        batch.iter().filter(|task| task.suspect.is_some()).map(|task| task.id().uuid()).collect();
    if !started.is_empty() {
        journal.end_starts(client, spec.name, &started).await?;
    }
    let mut done = Vec::with_capacity(outcomes.len());
    for (task, outcome) in batch.iter().zip(outcomes) {
        if outcome.is_plain() {
            done.push(Done { id: task.id(), order_id: task.order_id(), outbox: outcome.outbox() });
        } else if !journal.settle(client, spec.name, &outcome.settlement(task)).await? {
            tx.roll_back().await;
            return Err(Setback::InTheWay);
        }
    }
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
    let ((recorded, opened), committed) = join(join(record, open), client.batch_execute("commit")).await;
    recorded?;
    let opened = opened?;
    committed.map_err(DbError::from)?;
    tx.over();
    Ok(opened)
}
