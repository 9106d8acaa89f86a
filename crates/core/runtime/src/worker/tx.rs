//! One event's access to the transaction that it is recorded in.

use crate::db::{reads, registered};
use std::future::pending;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use despatch_contracts::{Emitted, Event, Trace};
use tokio_postgres::Row;

use crate::db::{BatchParams, BatchedQuery, DbError, Params, Transaction};
use crate::journal::Journal;
use crate::worker::timer::Timer;

/// Something to be done once an event's writes are committed; see [`Tx::after_commit`].
pub(crate) type AfterCommit = Box<dyn FnOnce() + Send>;

/// One event's access to the transaction that it is recorded in, with others.
pub struct Tx<'a> {
    transaction: &'a Transaction,
    journal: &'a Journal,
    event_type: &'a str,
    trace: &'a Trace,
    only_reads: bool,
    wrote: AtomicBool,
    hooks: Mutex<Vec<AfterCommit>>,
}

impl<'a> Tx<'a> {
    /// The access of an event of this type, whose try has this place in its trace.
    pub(crate) fn new(
        transaction: &'a Transaction,
        journal: &'a Journal,
        event_type: &'a str,
        trace: &'a Trace,
    ) -> Self {
        Tx {
            transaction,
            journal,
            event_type,
            trace,
            only_reads: false,
            wrote: AtomicBool::new(false),
            hooks: Mutex::default(),
        }
    }

    /// The same for an event that must not write yet: it gets no further than to [want to](Tx::wrote).
    pub(crate) fn reading(self) -> Self {
        Tx { only_reads: true, ..self }
    }

    /// What the handler wants done after the commit.
    pub(crate) fn take_hooks(&self) -> Vec<AfterCommit> {
        std::mem::take(&mut *self.hooks.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Does something once what this event writes is committed, once for each run that is kept: `record` may run several
    /// times, so a counter that it increases itself counts too much. Nothing is done when the process dies in between.
    pub fn after_commit(&self, hook: impl FnOnce() + Send + 'static) {
        self.hooks.lock().unwrap_or_else(PoisonError::into_inner).push(Box::new(hook));
    }

    /// Reads rows. A statement that writes is refused.
    pub async fn query(&self, sql: &'static str, params: Params<'_>) -> Result<Vec<Row>, DbError> {
        reads(sql)?;
        self.rows(sql, params).await
    }

    /// Reads at most one row. A statement that writes is refused.
    pub async fn query_opt(&self, sql: &'static str, params: Params<'_>) -> Result<Option<Row>, DbError> {
        reads(sql)?;
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

    /// Reads rows with a query that the events of a batch share; see [`BatchedQuery`]. The answer has the rows whose column
    /// `n` is the place of this event's values. Several events may ask about the same thing.
    pub async fn query_batched<V: BatchParams>(
        &self,
        query: BatchedQuery,
        values: V,
    ) -> Result<Vec<Row>, DbError> {
        self.batched(registered(query)?, values).await
    }

    /// Writes with a statement that the events of a batch share: `$1`, `$2`… are arrays with an element for each of them.
    /// An event may write the rows that its concurrency keys cover: two events that share a key never share a statement.
    pub async fn execute_batched<V: BatchParams>(
        &self,
        sql: &'static str,
        values: V,
    ) -> Result<Vec<Row>, DbError> {
        self.writes().await;
        self.batched(sql, values).await
    }

    /// Sets a durable timer: `event` is published once `after` has passed by the database's clock. A timer of the same key is
    /// replaced. An event without a subject that sets the next of its kind begins a new trace with it, sampled only when
    /// something fails, so that no trace grows without end.
    pub async fn schedule<E: Event>(
        &self,
        _: Timer<E>,
        key: &str,
        after: Duration,
        event: &E,
    ) -> Result<(), DbError> {
        let Emitted { event_type, subject, payload } = Emitted::from(event);
        let recurs = event_type == self.event_type && subject.is_empty();
        let trace = if recurs { Trace::root().to_string() } else { self.trace.to_string() };
        let timer = (key.to_owned(), after.as_secs_f64(), event_type, subject, payload.to_vec(), trace);
        self.writes().await;
        self.batched(&self.journal.sql().schedule, timer).await?;
        Ok(())
    }

    /// Removes a timer; nothing happens when there is none.
    pub async fn unschedule(&self, key: &str) -> Result<(), DbError> {
        self.writes().await;
        self.batched(&self.journal.sql().unschedule, (key.to_owned(),)).await?;
        Ok(())
    }

    /// Whether this event changed anything that would have to be undone, or wanted to.
    pub(crate) fn wrote(&self) -> bool {
        self.wrote.load(Ordering::Relaxed)
    }

    async fn writes(&self) {
        self.wrote.store(true, Ordering::Relaxed);
        if self.only_reads {
            pending::<()>().await;
        }
    }

    async fn batched<V: BatchParams>(&self, sql: &str, values: V) -> Result<Vec<Row>, DbError> {
        self.transaction.batched(sql, values).await
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
