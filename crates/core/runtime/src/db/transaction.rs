//! One open transaction on a connection of its own.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use deadpool_postgres::Object;
use tokio_postgres::Row;

use crate::db::batching::{BatchParams, StatementBatcher};
use crate::db::error::{DbError, DbErrorKind};

/// One open transaction on a connection of its own. Dropping it unfinished closes the connection, which rolls it back.
pub(crate) struct Transaction {
    client: Option<Object>,
    batcher: StatementBatcher,
    /// The first thing that went wrong; every later statement fails only because of it.
    trouble: Mutex<Option<DbErrorKind>>,
    /// Whether a statement failed because of an earlier one. Nobody may have received that one's answer.
    aftermath: AtomicBool,
    /// Whether the commit has been asked for, which ends it whatever came before.
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

    /// The connection; there until the transaction is over.
    pub(crate) fn client(&self) -> &Object {
        self.client.as_ref().expect("a transaction keeps its connection until it is consumed")
    }

    /// Does work in this transaction; statements that its events share are sent by this.
    pub(crate) async fn run<T>(&self, work: impl Future<Output = T>) -> T {
        self.batcher.run(self.client(), work).await
    }

    /// What the statement that events share answers one of them.
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
