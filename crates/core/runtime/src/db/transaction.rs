//! An open transaction on a connection of its own.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use deadpool_postgres::Object;
use tokio_postgres::Row;

use crate::db::batching::{BatchParams, StatementBatcher};
use crate::db::error::{DbError, DbErrorKind};

/// An open transaction on a connection of its own. If it is dropped unfinished, its connection closes, which rolls it
/// back.
pub(crate) struct Transaction {
    client: Option<Object>,
    batcher: StatementBatcher,
    /// The first error; every later statement fails because of it.
    trouble: Mutex<Option<DbErrorKind>>,
    /// Whether a statement failed because of an earlier one. The earlier one's answer may not have been received.
    aftermath: AtomicBool,
    /// Whether the commit was sent. It ends the transaction, whatever came before.
    ended: AtomicBool,
}

impl Transaction {
    pub(crate) fn on(client: Object) -> Self {
        Transaction {
            client: Some(client),
            batcher: StatementBatcher::default(),
            trouble: Mutex::new(None),
            aftermath: AtomicBool::new(false),
            ended: AtomicBool::new(false),
        }
    }

    /// Returns the connection, which exists until the transaction ends.
    pub(crate) fn client(&self) -> &Object {
        self.client.as_ref().expect("a transaction keeps its connection until it is consumed")
    }

    /// Runs `work` in this transaction and sends its batched statements.
    pub(crate) async fn run<T>(&self, work: impl Future<Output = T>) -> T {
        self.batcher.run(self.client(), work).await
    }

    /// Returns one event's rows of a batched statement.
    pub(crate) async fn batched<V: BatchParams>(&self, sql: &str, values: V) -> Result<Vec<Row>, DbError> {
        self.batcher.ask(sql, values).await.map_err(|error| self.note(error))
    }

    /// Notes an error and returns it.
    pub(crate) fn note(&self, error: DbError) -> DbError {
        let trouble = error.kind();
        if trouble == DbErrorKind::Aftermath {
            self.aftermath.store(true, Ordering::Relaxed);
        } else {
            self.trouble.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(trouble);
        }
        error
    }

    /// Returns the first error, if any.
    pub(crate) fn trouble(&self) -> Option<DbErrorKind> {
        let noted = *self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
        noted.or_else(|| self.aftermath.load(Ordering::Relaxed).then_some(DbErrorKind::Statement))
    }

    /// Commits. If a statement before failed, the commit rolls back instead.
    pub(crate) async fn commit(&self) -> Result<(), DbError> {
        self.ended.store(true, Ordering::Relaxed);
        Ok(self.client().batch_execute("commit").await?)
    }

    /// Rolls back.
    pub(crate) async fn roll_back(mut self) {
        if let Some(client) = self.client.take()
            && !self.ended.load(Ordering::Relaxed)
            && client.batch_execute("rollback").await.is_err()
        {
            drop(Object::take(client));
        }
    }

    /// Returns the connection to the pool after a commit.
    pub(crate) fn over(mut self) {
        drop(self.client.take());
    }
}

impl Drop for Transaction {
    fn drop(&mut self) {
        if let Some(client) = self.client.take() {
            // Closes the connection, because its next user would find an unfinished transaction.
            drop(Object::take(client));
        }
    }
}
