//! The transaction in which events are recorded: several events share it, and its statements are pipelined.

use std::future::pending;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use deadpool_postgres::Object;
use despatch_contracts::{Emitted, Event, Trace};
use tokio_postgres::Row;

use crate::database::{DbError, DbErrorKind, Params};
use crate::gather::{BatchParams, StatementBatcher};
use crate::journal::Journal;

/// One open transaction on a connection of its own. Dropping it unfinished closes the connection, which rolls it back.
pub(crate) struct Transaction {
    client: Option<Object>,
    gathering: StatementBatcher,
    /// The first thing that went wrong; every later statement fails only because of it.
    trouble: Mutex<Option<DbErrorKind>>,
    /// Whether a statement failed because of an earlier one. Nobody may have heard that one's answer.
    aftermath: AtomicBool,
    /// Whether the commit has been asked for, which ends it whatever came before.
    ended: AtomicBool,
}

impl Transaction {
    pub(crate) fn on(client: Object) -> Self {
        Transaction {
            client: Some(client),
            gathering: StatementBatcher::default(),
            trouble: Mutex::new(None),
            aftermath: AtomicBool::new(false),
            ended: AtomicBool::new(false),
        }
    }

    /// The connection; there until the transaction is over.
    pub(crate) fn client(&self) -> &Object {
        self.client.as_ref().expect("a transaction keeps its connection until it is consumed")
    }

    /// Does work in this transaction; statements that its events share are sent by this.
    pub(crate) async fn run<T>(&self, work: impl Future<Output = T>) -> T {
        self.gathering.run(self.client(), work).await
    }

    /// Notes an error and hands it on.
    pub(crate) fn note(&self, error: DbError) -> DbError {
        let trouble = error.kind();
        if trouble == DbErrorKind::Aftermath {
            self.aftermath.store(true, Ordering::Relaxed);
        } else {
            self.trouble.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(trouble);
        }
        error
    }

    /// What went wrong first, if anything did.
    pub(crate) fn trouble(&self) -> Option<DbErrorKind> {
        let noted = *self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
        noted.or_else(|| self.aftermath.load(Ordering::Relaxed).then_some(DbErrorKind::Statement))
    }

    /// Keeps what was written, unless a statement before it failed: then nothing is kept.
    pub(crate) async fn commit(&self) -> Result<(), DbError> {
        self.ended.store(true, Ordering::Relaxed);
        Ok(self.client().batch_execute("commit").await?)
    }

    /// Ends the transaction without keeping it.
    pub(crate) async fn roll_back(mut self) {
        if let Some(client) = self.client.take()
            && !self.ended.load(Ordering::Relaxed)
            && client.batch_execute("rollback").await.is_err()
        {
            drop(Object::take(client));
        }
    }

    /// Takes the connection out after a commit.
    pub(crate) fn over(mut self) {
        drop(self.client.take());
    }
}

impl Drop for Transaction {
    fn drop(&mut self) {
        if let Some(client) = self.client.take() {
            // Not back into the pool: the next user would find a transaction half done.
            drop(Object::take(client));
        }
    }
}

/// One event's hold on the transaction that it is recorded in.
pub struct Tx<'a> {
    transaction: &'a Transaction,
    journal: &'a Journal,
    event_type: &'a str,
    trace: &'a Trace,
    only_looks: bool,
    wrote: AtomicBool,
}

impl<'a> Tx<'a> {
    /// The hold of an event of this type, whose try has this place in its trace.
    pub(crate) fn new(
        transaction: &'a Transaction,
        journal: &'a Journal,
        event_type: &'a str,
        trace: &'a Trace,
    ) -> Self {
        Tx { transaction, journal, event_type, trace, only_looks: false, wrote: AtomicBool::new(false) }
    }

    /// The same for an event that is not to write: it gets no further than to [want to](Tx::wrote).
    pub(crate) fn looking(self) -> Self {
        Tx { only_looks: true, ..self }
    }

    /// Reads rows.
    pub async fn query(&self, sql: &'static str, params: Params<'_>) -> Result<Vec<Row>, DbError> {
        self.rows(sql, params).await
    }

    /// Reads at most one row.
    pub async fn query_opt(&self, sql: &'static str, params: Params<'_>) -> Result<Option<Row>, DbError> {
        Ok(self.rows(sql, params).await?.into_iter().next())
    }

    /// Writes; answers how many rows were touched.
    pub async fn execute(&self, sql: &'static str, params: Params<'_>) -> Result<u64, DbError> {
        self.change(sql, params).await
    }

    /// Writes, and reads back what was written.
    pub async fn returning(&self, sql: &'static str, params: Params<'_>) -> Result<Vec<Row>, DbError> {
        self.writes().await;
        self.rows(sql, params).await
    }

    /// Reads rows with a statement that the events of a batch share: `$1`, `$2`… are arrays with an element for each of
    /// them, to be unnested `with ordinality`, and a column `n` of each row answered is the place of its event. Several may
    /// ask about the same thing.
    pub async fn query_batched<V: BatchParams>(
        &self,
        sql: &'static str,
        values: V,
    ) -> Result<Vec<Row>, DbError> {
        self.each(sql, values).await
    }

    /// Writes with a statement that the events of a batch share; as [`query_batched`](Self::query_each). Rows are safe to
    /// write that are covered by the event's contention keys: two events that share one never share a statement.
    pub async fn execute_batched<V: BatchParams>(
        &self,
        sql: &'static str,
        values: V,
    ) -> Result<Vec<Row>, DbError> {
        self.writes().await;
        self.each(sql, values).await
    }

    /// Sets a durable timer: `event` is published once `after` has passed by the database's clock. A timer of the same
    /// key is replaced. What is about no order and sets the next of its kind begins a new trace with that, which is seen only
    /// when something fails, lest one trace grow for ever.
    pub async fn schedule<E: Event>(&self, key: &str, after: Duration, event: &E) -> Result<(), DbError> {
        let Emitted { event_type, order_id, payload } = Emitted::from(event);
        let goes_round = event_type == self.event_type && order_id.is_empty();
        let trace = if goes_round { Trace::root().to_string() } else { self.trace.to_string() };
        let timer = (key.to_owned(), after.as_secs_f64(), event_type, order_id, payload.to_vec(), trace);
        self.writes().await;
        self.each(&self.journal.sql().schedule, timer).await?;
        Ok(())
    }

    /// Takes a timer back; nothing happens when there is none.
    pub async fn unschedule(&self, key: &str) -> Result<(), DbError> {
        self.writes().await;
        self.each(&self.journal.sql().unschedule, (key.to_owned(),)).await?;
        Ok(())
    }

    /// Whether this event changed anything that would have to be undone, or wanted to.
    pub(crate) fn wrote(&self) -> bool {
        self.wrote.load(Ordering::Relaxed)
    }

    async fn writes(&self) {
        self.wrote.store(true, Ordering::Relaxed);
        if self.only_looks {
            pending::<()>().await;
        }
    }

    async fn each<V: BatchParams>(&self, sql: &str, values: V) -> Result<Vec<Row>, DbError> {
        let answer = self.transaction.gathering.ask(sql, values).await;
        answer.map_err(|error| self.transaction.note(error))
    }

    async fn rows(&self, sql: &str, params: Params<'_>) -> Result<Vec<Row>, DbError> {
        let client = self.transaction.client();
        let answer = async {
            let statement = client.prepare_cached(sql).await?;
            client.query(&statement, params).await
        };
        answer.await.map_err(|error| self.transaction.note(error.into()))
    }

    async fn change(&self, sql: &str, params: Params<'_>) -> Result<u64, DbError> {
        // Even when no row is counted: a statement may write in a part whose rows are not.
        self.writes().await;
        let client = self.transaction.client();
        let answer = async {
            let statement = client.prepare_cached(sql).await?;
            client.execute(&statement, params).await
        };
        answer.await.map_err(|error| self.transaction.note(error.into()))
    }
}
