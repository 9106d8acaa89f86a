//! Outbox batches: recorded follow-ons that the stream may not have yet.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use deadpool_postgres::GenericClient;
use despatch_contracts::runtime::{Envelope, FollowOns};
use prost::Message as _;
use tokio_postgres::{Portal, Row};
use uuid::Uuid;

use crate::db::DbError;
use crate::journal::journal::Journal;

/// Journal rows read at a time.
const PORTION: i32 = 256;

/// An outbox batch: events whose follow-ons may not all be on the stream yet.
#[derive(Debug)]
pub(crate) struct OutboxBatch {
    pub(crate) id: i64,
    pub(crate) handler: String,
    pub(crate) events: Vec<Uuid>,
}

impl From<&Row> for OutboxBatch {
    fn from(row: &Row) -> Self {
        OutboxBatch { id: row.get("id"), handler: row.get("handler"), events: row.get("events") }
    }
}

/// Envelopes of journal rows that may still be unpublished.
#[derive(Debug, Default)]
pub(crate) struct UnpublishedEnvelopes {
    pub(crate) messages: Vec<Envelope>,
    /// Events whose rows cannot be read. Their batch stays open until the rows are repaired.
    pub(crate) unreadable: Vec<Uuid>,
}

impl UnpublishedEnvelopes {
    pub(crate) fn add(
        &mut self,
        event: Uuid,
        handler: &str,
        unpublished: Result<Vec<Envelope>, UnreadableRow>,
    ) {
        match unpublished {
            Ok(messages) => self.messages.extend(messages),
            Err(error) => {
                tracing::error!(handler, %event, %error, "journal row unreadable: its follow-ons are not published");
                self.unreadable.push(event);
            }
        }
    }
}

/// A journal row whose contents cannot be decoded.
#[derive(Debug, thiserror::Error)]
pub(crate) enum UnreadableRow {
    #[error("its outbox: {0}")]
    Outbox(prost::DecodeError),
    #[error("the waiting event: {0}")]
    Event(prost::DecodeError),
    #[error("the waiting event is not there")]
    NoEvent,
}

impl Journal {
    /// Opens a batch over events with follow-ons that the stream may lack.
    pub(crate) async fn open(
        &self,
        client: &impl GenericClient,
        handler: &str,
        events: &[Uuid],
    ) -> Result<i64, DbError> {
        let statement = client.prepare_cached(&self.sql().insert_outbox_batch).await?;
        Ok(client.query_one(&statement, &[&handler, &events]).await?.get(0))
    }

    /// Closes batches whose follow-ons are all on the stream.
    pub(crate) async fn close(&self, client: &impl GenericClient, batches: &[i64]) -> Result<(), DbError> {
        let statement = client.prepare_cached(&self.sql().close_batches).await?;
        client.execute(&statement, &[&batches]).await?;
        Ok(())
    }

    /// Returns the outbox batches that name one of these events.
    pub(crate) async fn batches_of(
        &self,
        client: &impl GenericClient,
        handlers: &[&str],
        events: &[Uuid],
    ) -> Result<Vec<OutboxBatch>, DbError> {
        let statement = client.prepare_cached(&self.sql().batches_of).await?;
        Ok(client.query(&statement, &[&handlers, &events]).await?.iter().map(OutboxBatch::from).collect())
    }

    /// Narrows a batch to those of its events whose follow-ons may still be unpublished.
    pub(crate) async fn narrow(
        &self,
        client: &impl GenericClient,
        batch: i64,
        events: &[Uuid],
    ) -> Result<(), DbError> {
        let statement = client.prepare_cached(&self.sql().narrow_batch).await?;
        client.execute(&statement, &[&batch, &events]).await?;
        Ok(())
    }

    /// Returns up to 16 outbox batches older than `age`, of those opened after the batch `passed`. Skips batches that
    /// another process is finishing. Locks the rows until the transaction ends.
    pub(crate) async fn overdue(
        &self,
        client: &impl GenericClient,
        age: Duration,
        passed: i64,
    ) -> Result<Vec<OutboxBatch>, DbError> {
        let statement = client.prepare_cached(&self.sql().overdue_batches).await?;
        let rows = client.query(&statement, &[&age.as_secs_f64(), &passed]).await?;
        Ok(rows.iter().map(OutboxBatch::from).collect())
    }

    /// Returns everything that a batch's events have for the stream: their follow-ons, and the event itself if its
    /// retry was due.
    pub(crate) async fn unpublished(
        &self,
        client: &impl GenericClient,
        batch: &OutboxBatch,
    ) -> Result<UnpublishedEnvelopes, DbError> {
        let statement = client.prepare_cached(&self.sql().unpublished).await?;
        let rows = client.query(&statement, &[&batch.handler, &batch.events]).await?;
        let mut unpublished = UnpublishedEnvelopes::default();
        for row in &rows {
            unpublished.add(row.get("id"), &batch.handler, outbox_of(&batch.handler, row));
        }
        Ok(unpublished)
    }

    /// Reads in portions everything that was published since `since`, or all of it: the follow-ons of recorded events,
    /// and the events whose retries were published.
    pub(crate) async fn published_since<'a>(
        &self,
        tx: &'a deadpool_postgres::Transaction<'_>,
        since: Option<SystemTime>,
    ) -> Result<PublishedRows<'a>, DbError> {
        let statement = tx.prepare_cached(&self.sql().published_since).await?;
        Ok(PublishedRows { portal: tx.bind(&statement, &[&since]).await?, tx })
    }
}

/// A reader of what was published; see [`Journal::published_since`].
pub(crate) struct PublishedRows<'a> {
    tx: &'a deadpool_postgres::Transaction<'a>,
    portal: Portal,
}

impl PublishedRows<'_> {
    /// Returns the next portion; `None` at the end. Unreadable rows are skipped: if one was never published, an outbox
    /// batch still names it.
    pub(crate) async fn next(&self) -> Result<Option<Vec<Envelope>>, DbError> {
        let rows = self.tx.query_portal(&self.portal, PORTION).await?;
        let mut published = UnpublishedEnvelopes::default();
        for row in &rows {
            let handler = row.get("handler");
            published.add(row.get("id"), handler, outbox_of(handler, row));
        }
        Ok((!rows.is_empty()).then_some(published.messages))
    }
}

/// Returns the envelopes of a journal row.
fn outbox_of(handler: &str, row: &Row) -> Result<Vec<Envelope>, UnreadableRow> {
    let outbox: &[u8] = row.get::<_, Option<&[u8]>>("outbox").unwrap_or_default();
    let mut unpublished = FollowOns::decode(outbox).map_err(UnreadableRow::Outbox)?.messages;
    if row.get("fired") {
        unpublished.push(next_generation(handler, row)?);
    }
    Ok(unpublished)
}

/// Reads retries that were taken, by their batch.
pub(crate) fn fired(rows: &[Row]) -> Result<BTreeMap<i64, UnpublishedEnvelopes>, DbError> {
    let mut fired: BTreeMap<i64, UnpublishedEnvelopes> = BTreeMap::new();
    for row in rows {
        let (batch, handler) = (row.try_get("batch")?, row.try_get("handler")?);
        let unpublished = next_generation(handler, row).map(|envelope| vec![envelope]);
        fired.entry(batch).or_default().add(row.try_get("id")?, handler, unpublished);
    }
    Ok(fired)
}

/// Returns the next generation of a waiting event, addressed to its handler alone.
fn next_generation(handler: &str, row: &Row) -> Result<Envelope, UnreadableRow> {
    let recorded: i32 = row.get("generation");
    let event = row.get::<_, Option<&[u8]>>("event").ok_or(UnreadableRow::NoEvent)?;
    let event = Envelope::decode(Bytes::copy_from_slice(event)).map_err(UnreadableRow::Event)?;
    Ok(event.replay(handler, u32::try_from(recorded).unwrap_or_default() + 1))
}
