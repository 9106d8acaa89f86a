//! The stream's checkpoint: how far the stream is known to be intact; see the module `recovery`.

use std::time::{Duration, SystemTime};

use deadpool_postgres::GenericClient;
use tokio_postgres::Row;
use uuid::Uuid;

use crate::db::DbError;
use crate::journal::journal::Journal;
use crate::nats::StreamPosition;

/// How far a worker knows the stream to be intact; see the module `recovery`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct StreamCheckpoint {
    /// When the server created the stream, in nanoseconds since 1970.
    pub(crate) created: i64,
    /// A message that is on the stream unless something was lost.
    pub(crate) mark: Option<StreamPosition>,
    /// Time since the mark was saved.
    pub(crate) age: Duration,
    /// Everything recorded before this time is on the stream.
    pub(crate) stored_until: SystemTime,
    /// Everything recorded before this time has been settled by all of its consumers, as far as that is known.
    pub(crate) settled_until: Option<SystemTime>,
}

impl From<&Row> for StreamCheckpoint {
    fn from(row: &Row) -> Self {
        let sequence: Option<i64> = row.get("sequence");
        let mark = sequence.and_then(|sequence| {
            Some(StreamPosition {
                sequence: u64::try_from(sequence).ok()?,
                id: row.get::<_, Option<Uuid>>("event_id")?.into(),
                generation: u32::try_from(row.get::<_, Option<i32>>("generation")?).ok()?,
            })
        });
        StreamCheckpoint {
            created: row.get("created"),
            mark,
            age: Duration::from_secs_f64(row.get::<_, f64>("age").max(0.0)),
            stored_until: row.get("stored_until"),
            settled_until: row.get("settled_until"),
        }
    }
}

impl Journal {
    /// Returns the time before which everything recorded is on the stream: no batch opened before it is still open, and
    /// no transaction begun before it can still open one.
    pub(crate) async fn stored_until(&self, client: &impl GenericClient) -> Result<SystemTime, DbError> {
        let statement = client.prepare_cached(&self.sql().stored_until).await?;
        Ok(client.query_one(&statement, &[]).await?.get(0))
    }

    /// Returns the checkpoint; `None` before the first check.
    pub(crate) async fn checkpoint(
        &self,
        client: &impl GenericClient,
    ) -> Result<Option<StreamCheckpoint>, DbError> {
        let statement = client.prepare_cached(&self.sql().checkpoint).await?;
        Ok(client.query_opt(&statement, &[]).await?.as_ref().map(StreamCheckpoint::from))
    }

    /// Saves the checkpoint. Its times only advance.
    pub(crate) async fn save_checkpoint(
        &self,
        client: &impl GenericClient,
        checkpoint: &StreamCheckpoint,
    ) -> Result<(), DbError> {
        let StreamCheckpoint { created, mark, stored_until, settled_until, age: _ } = checkpoint;
        let sequence = mark.map(|mark| i64::try_from(mark.sequence).unwrap_or(i64::MAX));
        let generation = mark.map(|mark| i32::try_from(mark.generation).unwrap_or(i32::MAX));
        let id = mark.map(|mark| mark.id.uuid());
        let statement = client.prepare_cached(&self.sql().save_checkpoint).await?;
        client
            .execute(&statement, &[created, &sequence, &id, &generation, stored_until, settled_until])
            .await?;
        Ok(())
    }

    /// Saves which consumers exist. Returns whether a consumer is missing that existed within `age`.
    pub(crate) async fn has_missing_consumer(
        &self,
        client: &impl GenericClient,
        consumers: &[String],
        age: Duration,
    ) -> Result<bool, DbError> {
        let statement = client.prepare_cached(&self.sql().has_missing_consumer).await?;
        Ok(client.query_one(&statement, &[&consumers, &age.as_secs_f64()]).await?.get("missing"))
    }
}
