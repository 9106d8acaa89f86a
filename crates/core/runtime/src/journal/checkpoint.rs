//! How far the stream is known to be intact; see the module `recovery`.

use std::time::{Duration, SystemTime};

use deadpool_postgres::GenericClient;
use tokio_postgres::Row;
use uuid::Uuid;

use crate::db::DbError;
use crate::journal::journal::Journal;
use crate::nats::StreamPosition;

/// How far a worker trusts the stream; see the module `recover`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct StreamCheckpoint {
    /// When its server made the stream, in nanoseconds since 1970.
    pub(crate) created: i64,
    /// A message that is there, unless something was lost.
    pub(crate) mark: Option<StreamPosition>,
    /// For how long the mark has been known.
    pub(crate) age: Duration,
    /// What was recorded before this is on the stream.
    pub(crate) stored_until: SystemTime,
    /// What was recorded before this has been settled by everybody who consumes it, as far as that is known.
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
    /// The time before which everything recorded is on the stream: no batch that was opened before is open, and no
    /// transaction that began before may still open one.
    pub(crate) async fn stored_until(&self, client: &impl GenericClient) -> Result<SystemTime, DbError> {
        let statement = client.prepare_cached(&self.sql().stored_until).await?;
        Ok(client.query_one(&statement, &[]).await?.get(0))
    }

    /// How far the stream is trusted; `None` before it was ever looked at.
    pub(crate) async fn checkpoint(
        &self,
        client: &impl GenericClient,
    ) -> Result<Option<StreamCheckpoint>, DbError> {
        let statement = client.prepare_cached(&self.sql().checkpoint).await?;
        Ok(client.query_opt(&statement, &[]).await?.as_ref().map(StreamCheckpoint::from))
    }

    /// Notes how far the stream is trusted. Times only ever advance.
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

    /// Notes which consumers there are; answers whether one is missing that was there within `age`.
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
