//! One event's access to its recording transaction.

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

/// An action to run once an event's writes are committed; see [`Tx::after_commit`].
pub(crate) type AfterCommit = Box<dyn FnOnce() + Send>;

/// One event's access to the transaction that it shares with other events.
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
    /// Creates the access of one event. `event_type` is its type, `trace` the try's place in its trace.
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

    /// Makes the access read-only: a handler stops as soon as it [wants to write](Tx::wrote).
    pub(crate) fn reading(self) -> Self {
        Tx { only_reads: true, ..self }
    }

    /// Takes the actions to run after the commit.
    pub(crate) fn take_hooks(&self) -> Vec<AfterCommit> {
        std::mem::take(&mut *self.hooks.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Runs `hook` once the event's writes are committed, once for each kept run of `record`. Because `record` may run
    /// several times, a counter that it increased directly would count too much. `hook` does not run if the process
    /// dies after the commit.
    pub fn after_commit(&self, hook: impl FnOnce() + Send + 'static) {
        self.hooks.lock().unwrap_or_else(PoisonError::into_inner).push(Box::new(hook));
    }

    /// Reads rows. Returns an error for a statement that writes.
    pub async fn query(&self, sql: &'static str, params: Params<'_>) -> Result<Vec<Row>, DbError> {
        reads(sql)?;
        self.rows(sql, params).await
    }

    /// Reads at most one row. Returns an error for a statement that writes.
    pub async fn query_opt(&self, sql: &'static str, params: Params<'_>) -> Result<Option<Row>, DbError> {
        reads(sql)?;
        Ok(self.rows(sql, params).await?.into_iter().next())
    }

    /// Writes and returns the number of affected rows.
    pub async fn execute(&self, sql: &'static str, params: Params<'_>) -> Result<u64, DbError> {
        self.change(sql, params).await
    }

    /// Writes and returns the rows of the statement's `returning` clause.
    pub async fn returning(&self, sql: &'static str, params: Params<'_>) -> Result<Vec<Row>, DbError> {
        self.writes().await;
        self.rows(sql, params).await
    }

    /// Reads rows with a query that the events of a batch share; see [`BatchedQuery`]. Returns the rows whose column
    /// `n` is the position of this event's values. Several events may ask for the same rows.
    pub async fn query_batched<V: BatchParams>(
        &self,
        query: BatchedQuery,
        values: V,
    ) -> Result<Vec<Row>, DbError> {
        self.batched(registered(query)?, values).await
    }

    /// Writes with a statement that the events of a batch share. `$1`, `$2`… are arrays with an element for each event.
    /// An event may write only rows that its concurrency keys cover, because events that share a key never share a
    /// statement.
    pub async fn execute_batched<V: BatchParams>(
        &self,
        sql: &'static str,
        values: V,
    ) -> Result<Vec<Row>, DbError> {
        self.writes().await;
        self.batched(sql, values).await
    }

    /// Sets a durable timer: `event` is published once `after` has passed by the database's clock. It replaces a timer
    /// with the same key. If an event without a subject sets the next timer of its own kind, that timer begins a new
    /// trace, sampled only if something fails. So no trace grows without end.
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

    /// Removes a timer. Does nothing if there is none.
    pub async fn unschedule(&self, key: &str) -> Result<(), DbError> {
        self.writes().await;
        self.batched(&self.journal.sql().unschedule, (key.to_owned(),)).await?;
        Ok(())
    }

    /// Returns whether this event wrote, or tried to write, anything that a rollback would have to undo.
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
        // Counts as a write even if no row is affected: a statement may write in a part whose rows are not counted.
        self.writes().await;
        let client = self.transaction.client();
        let answer = async {
            let statement = client.prepare_cached(sql).await?;
            client.execute(&statement, params).await
        };
        answer.await.map_err(|error| self.transaction.note(error.into()))
    }
}
