//! Outcomes that are more than "done at the first try".

use std::time::Duration;

use deadpool_postgres::GenericClient;
use despatch_contracts::EventId;
use futures_util::future::{try_join, try_join_all};
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use super::{Journal, some};
use crate::database::DbError;

/// About so many bytes of rows go into one statement; PostgreSQL takes a gigabyte.
const PORTION: usize = 16 * 1024 * 1024;

/// What becomes of an event that was not handled.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Fate {
    /// Tried again after this long.
    PendingRetry { after: Duration, deferred: bool },
    /// Left to a person.
    Dead { reason: &'static str },
}

/// One outcome, by reference; see [`Journal::settle`].
#[derive(Debug)]
pub(crate) struct Settlement<'a> {
    pub(crate) id: EventId,
    pub(crate) generation: u32,
    pub(crate) order_id: &'a str,
    pub(crate) outbox: Vec<u8>,
    pub(crate) event: &'a [u8],
    pub(crate) failures: &'a [u8],
    pub(crate) attempts: u32,
    /// `None` when the event was handled.
    pub(crate) fate: Option<Fate>,
}

/// What a fate is in the journal.
struct Columns {
    state: &'static str,
    attempts: i32,
    deferred: bool,
    /// Seconds.
    due: Option<f64>,
    reason: Option<&'static str>,
}

impl Settlement<'_> {
    fn bytes(&self) -> usize {
        self.outbox.len() + self.event.len() + self.failures.len()
    }

    fn columns(&self) -> Columns {
        let (state, due, deferred, reason) = match self.fate {
            None => ("done", None, false, None),
            Some(Fate::PendingRetry { after, deferred }) => {
                ("waiting", Some(after.as_secs_f64()), deferred, None)
            }
            Some(Fate::Dead { reason }) => ("dead", None, false, Some(reason)),
        };
        let attempts = i32::try_from(self.attempts).unwrap_or(i32::MAX);
        Columns { state, attempts, deferred, due, reason }
    }
}

impl Journal {
    /// Records outcomes of any other kind: failures of first generations, with as few statements as their size allows, and
    /// every outcome of later ones, all under way together. When another replica was faster, a row of a first generation is
    /// there already, which is an error, and `false` is the answer for a later one.
    pub(crate) async fn settle(
        &self,
        client: &impl GenericClient,
        handler: &str,
        rows: &[Settlement<'_>],
    ) -> Result<bool, DbError> {
        let (first, again): (Vec<_>, Vec<_>) = rows.iter().partition(|row| row.generation == 0);
        let mut bytes = 0;
        let portions = first.chunk_by(|_, row| {
            bytes += row.bytes();
            let fits = bytes < PORTION;
            if !fits {
                bytes = 0;
            }
            fits
        });
        let first = try_join_all(portions.map(|rows| self.settle_first(client, handler, rows)));
        let again = try_join_all(again.into_iter().map(|row| self.settle_again(client, handler, row)));
        let (_, again) = try_join(first, again).await?;
        Ok(again.into_iter().all(|settled| settled))
    }

    async fn settle_first(
        &self,
        client: &impl GenericClient,
        handler: &str,
        rows: &[&Settlement<'_>],
    ) -> Result<(), DbError> {
        let fates: Vec<Columns> = rows.iter().map(|row| row.columns()).collect();
        let ids: Vec<Uuid> = rows.iter().map(|row| row.id.uuid()).collect();
        let states: Vec<&str> = fates.iter().map(|row| row.state).collect();
        let orders: Vec<&str> = rows.iter().map(|row| row.order_id).collect();
        let outboxes: Vec<Option<&[u8]>> = rows.iter().map(|row| some(&row.outbox)).collect();
        let events: Vec<Option<&[u8]>> = rows.iter().map(|row| some(row.event)).collect();
        let failures: Vec<Option<&[u8]>> = rows.iter().map(|row| some(row.failures)).collect();
        let attempts: Vec<i32> = fates.iter().map(|row| row.attempts).collect();
        let deferred: Vec<bool> = fates.iter().map(|row| row.deferred).collect();
        let due: Vec<Option<f64>> = fates.iter().map(|row| row.due).collect();
        let reasons: Vec<Option<&str>> = fates.iter().map(|row| row.reason).collect();
        let statement = client.prepare_cached(&self.sql.settle_first).await?;
        let values: [&(dyn ToSql + Sync); 11] = [
            &handler, &ids, &states, &orders, &outboxes, &events, &failures, &attempts, &deferred, &due,
            &reasons,
        ];
        client.execute(&statement, &values).await?;
        Ok(())
    }

    async fn settle_again(
        &self,
        client: &impl GenericClient,
        handler: &str,
        row: &Settlement<'_>,
    ) -> Result<bool, DbError> {
        let Columns { state, attempts, deferred, due, reason } = row.columns();
        let (id, generation) = (row.id.uuid(), i32::try_from(row.generation).unwrap_or(i32::MAX));
        let (outbox, event, failures) = (some(&row.outbox), some(row.event), some(row.failures));
        let statement = client.prepare_cached(&self.sql.settle_again).await?;
        let values: [&(dyn ToSql + Sync); 12] = [
            &handler,
            &id,
            &generation,
            &state,
            &row.order_id,
            &outbox,
            &event,
            &failures,
            &attempts,
            &deferred,
            &due,
            &reason,
        ];
        Ok(client.execute(&statement, &values).await? == 1)
    }
}
