//! The read-only view of the database for `prepare`.

use crate::db::statement::registered;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio_postgres::Row;

use crate::db::batching::{BatchParams, QueryBatcher};
use crate::db::error::{DbError, DbErrorKind};
use crate::db::statement::BatchedQuery;

/// A read-only view of the database. Each query sees the latest committed state.
pub struct Reader<'a> {
    batcher: &'a QueryBatcher,
    unreachable: AtomicBool,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(batcher: &'a QueryBatcher) -> Self {
        Reader { batcher, unreachable: AtomicBool::new(false) }
    }

    /// Reads rows with a query that events share; see [`Tx::query_batched`](crate::Tx::query_batched).
    pub async fn query_batched<V: BatchParams>(
        &self,
        query: BatchedQuery,
        values: V,
    ) -> Result<Vec<Row>, DbError> {
        let answer = self.batcher.ask(registered(query)?, values).await;
        if answer.as_ref().is_err_and(|error| error.kind() == DbErrorKind::Unreachable) {
            self.unreachable.store(true, Ordering::Relaxed);
        }
        answer
    }

    /// Returns whether a query failed because the database was unreachable.
    pub(crate) fn lost(&self) -> bool {
        self.unreachable.load(Ordering::Relaxed)
    }
}
