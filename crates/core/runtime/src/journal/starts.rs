//! Start markers: how often a redelivered event was started without an outcome.

use deadpool_postgres::GenericClient;
use despatch_contracts::EventId;
use uuid::Uuid;

use crate::db::DbError;
use crate::journal::journal::Journal;

impl Journal {
    /// Commits a start of a redelivered event. Returns how often it has been started.
    pub(crate) async fn start(
        &self,
        client: &impl GenericClient,
        handler: &str,
        id: EventId,
        generation: u32,
    ) -> Result<u32, DbError> {
        let generation = i32::try_from(generation).unwrap_or(i32::MAX);
        let statement = client.prepare_cached(&self.sql().start).await?;
        let starts: i32 = client.query_one(&statement, &[&id.uuid(), &handler, &generation]).await?.get(0);
        Ok(u32::try_from(starts).unwrap_or_default())
    }

    /// Removes start markers of events that have an outcome.
    pub(crate) async fn end_starts(
        &self,
        client: &impl GenericClient,
        handler: &str,
        ids: &[Uuid],
    ) -> Result<(), DbError> {
        let statement = client.prepare_cached(&self.sql().end_starts).await?;
        client.execute(&statement, &[&handler, &ids]).await?;
        Ok(())
    }
}
