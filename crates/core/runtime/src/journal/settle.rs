//! Outcomes other than "done at the first try".

use std::time::Duration;

use deadpool_postgres::GenericClient;
use despatch_contracts::EventId;
use futures_util::future::{try_join, try_join_all};
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use crate::db::DbError;
use crate::journal::journal::{Journal, some};

/// Approximate size of the rows in one statement, in bytes. PostgreSQL accepts up to a gigabyte.
const PORTION: usize = 16 * 1024 * 1024;

/// How a try ended.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Disposition {
    /// Handled.
    Done,
    /// Failed; tried again after this time.
    Retried { after: Duration },
    /// Came too early; handled again after this time.
    Deferred { after: Duration },
    /// Waits for its provider; tried again after this time, or when the breaker that holds it lets it go.
    Waits { after: Duration, held_by: Option<&'static str> },
    /// Dead; a person decides.
    Dead { reason: &'static str },
}

impl Disposition {
    /// Returns the name in metrics and spans.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Disposition::Done => "done",
            Disposition::Retried { .. } => "retried",
            Disposition::Deferred { .. } => "deferred",
            Disposition::Waits { .. } => "waits",
            Disposition::Dead { .. } => "dead",
        }
    }

    /// Returns the state of the journal row.
    pub(crate) fn state(self) -> &'static str {
        match self {
            Disposition::Done => "done",
            Disposition::Retried { .. } | Disposition::Deferred { .. } | Disposition::Waits { .. } => {
                "waiting"
            }
            Disposition::Dead { .. } => "dead",
        }
    }
}

/// The row of an event that did not end done at the first try, by reference; see [`Journal::settle`].
#[derive(Debug)]
pub(crate) struct JournalRow<'a> {
    /// The handler's name in the row. In one call all rows of generation 0 have the same name.
    pub(crate) handler: &'a str,
    pub(crate) id: EventId,
    pub(crate) generation: u32,
    pub(crate) subject: &'a str,
    pub(crate) outbox: Vec<u8>,
    pub(crate) event: &'a [u8],
    pub(crate) failures: &'a [u8],
    pub(crate) attempts: u32,
    pub(crate) disposition: Disposition,
}

/// A disposition as columns of the journal.
struct Columns {
    state: &'static str,
    attempts: i32,
    deferred: bool,
    /// Seconds.
    due: Option<f64>,
    reason: Option<&'static str>,
    held_by: Option<&'static str>,
}

impl JournalRow<'_> {
    fn bytes(&self) -> usize {
        self.outbox.len() + self.event.len() + self.failures.len()
    }

    fn columns(&self) -> Columns {
        let state = self.disposition.state();
        let attempts = i32::try_from(self.attempts).unwrap_or(i32::MAX);
        let plain = Columns { state, attempts, deferred: false, due: None, reason: None, held_by: None };
        match self.disposition {
            Disposition::Done => plain,
            Disposition::Retried { after } => Columns { due: Some(after.as_secs_f64()), ..plain },
            Disposition::Deferred { after } => {
                Columns { due: Some(after.as_secs_f64()), deferred: true, ..plain }
            }
            Disposition::Waits { after, held_by } => {
                Columns { due: Some(after.as_secs_f64()), held_by, ..plain }
            }
            Disposition::Dead { reason } => Columns { reason: Some(reason), ..plain },
        }
    }
}

impl Journal {
    /// Records outcomes other than "done at the first try". Failures of generation 0 take as few statements as their
    /// size allows; every outcome of a later generation takes one; all are sent without waiting in between. If another
    /// replica was faster, a row of generation 0 is a duplicate and an error, and the answer for a row of a later
    /// generation is `false`.
    pub(crate) async fn settle(
        &self,
        client: &impl GenericClient,
        rows: &[JournalRow<'_>],
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
        let first = try_join_all(portions.map(|rows| self.settle_first(client, rows)));
        let again = try_join_all(again.into_iter().map(|row| self.settle_again(client, row)));
        let (_, again) = try_join(first, again).await?;
        Ok(again.into_iter().all(|settled| settled))
    }

    async fn settle_first(
        &self,
        client: &impl GenericClient,
        rows: &[&JournalRow<'_>],
    ) -> Result<(), DbError> {
        let Some(handler) = rows.first().map(|row| row.handler) else { return Ok(()) };
        let columns: Vec<Columns> = rows.iter().map(|row| row.columns()).collect();
        let ids: Vec<Uuid> = rows.iter().map(|row| row.id.uuid()).collect();
        let states: Vec<&str> = columns.iter().map(|row| row.state).collect();
        let subjects: Vec<&str> = rows.iter().map(|row| row.subject).collect();
        let outboxes: Vec<Option<&[u8]>> = rows.iter().map(|row| some(&row.outbox)).collect();
        let events: Vec<Option<&[u8]>> = rows.iter().map(|row| some(row.event)).collect();
        let failures: Vec<Option<&[u8]>> = rows.iter().map(|row| some(row.failures)).collect();
        let attempts: Vec<i32> = columns.iter().map(|row| row.attempts).collect();
        let deferred: Vec<bool> = columns.iter().map(|row| row.deferred).collect();
        let due: Vec<Option<f64>> = columns.iter().map(|row| row.due).collect();
        let reasons: Vec<Option<&str>> = columns.iter().map(|row| row.reason).collect();
        let statement = client.prepare_cached(&self.sql().settle_first).await?;
        let held_by: Vec<Option<&str>> = columns.iter().map(|row| row.held_by).collect();
        let values: [&(dyn ToSql + Sync); 12] = [
            &handler, &ids, &states, &subjects, &outboxes, &events, &failures, &attempts, &deferred, &due,
            &reasons, &held_by,
        ];
        client.execute(&statement, &values).await?;
        Ok(())
    }

    async fn settle_again(&self, client: &impl GenericClient, row: &JournalRow<'_>) -> Result<bool, DbError> {
        let Columns { state, attempts, deferred, due, reason, held_by } = row.columns();
        let (id, generation) = (row.id.uuid(), i32::try_from(row.generation).unwrap_or(i32::MAX));
        let (outbox, event, failures) = (some(&row.outbox), some(row.event), some(row.failures));
        let statement = client.prepare_cached(&self.sql().settle_again).await?;
        let values: [&(dyn ToSql + Sync); 13] = [
            &row.handler,
            &id,
            &generation,
            &state,
            &row.subject,
            &outbox,
            &event,
            &failures,
            &attempts,
            &deferred,
            &due,
            &reason,
            &held_by,
        ];
        Ok(client.execute(&statement, &values).await? == 1)
    }
}
