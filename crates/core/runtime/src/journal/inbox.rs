//! Admission and recording: what an arriving event is to this handler, and the rows of those that were handled.

use std::time::Duration;

use deadpool_postgres::GenericClient;
use despatch_contracts::EventId;
use despatch_contracts::runtime::Failures;
use prost::Message as _;
use tokio_postgres::Row;
use uuid::Uuid;

use crate::db::DbError;
use crate::journal::journal::{Journal, some};

/// What the journal says of an event that arrives.
#[derive(Debug)]
pub(crate) enum Admission {
    /// It has not been seen by this handler.
    New,
    /// It was seen, and this generation is the one that is waited for.
    Again(History),
    /// It is settled, or another generation is waited for.
    Stale,
}

/// What became of an event's earlier tries.
#[derive(Debug, Default, Clone)]
pub(crate) struct History {
    /// The name that the journal knows the handler by for this event; a former one, if the row is older than the rename.
    pub(crate) handler: Option<String>,
    /// Tries that counted.
    pub(crate) attempts: u32,
    pub(crate) failures: Failures,
    /// For how long the event has been deferred, by the database's clock.
    pub(crate) deferred: Option<Duration>,
}

/// The journal row of an event that was handled at its first generation.
#[derive(Debug)]
pub(crate) struct Done<'a> {
    pub(crate) id: EventId,
    pub(crate) subject: &'a str,
    /// Empty when nothing follows.
    pub(crate) outbox: Vec<u8>,
}

impl Journal {
    /// Asks about many events at once; answers in their order. `handlers` are all names that the handler has had.
    pub(crate) async fn admit(
        &self,
        client: &impl GenericClient,
        handlers: &[&str],
        events: &[(EventId, u32)],
    ) -> Result<Vec<Admission>, DbError> {
        let ids: Vec<Uuid> = events.iter().map(|(id, _)| id.uuid()).collect();
        let statement = client.prepare_cached(&self.sql().admit).await?;
        let rows = client.query(&statement, &[&handlers, &ids]).await?;
        let known: std::collections::HashMap<Uuid, &Row> = rows.iter().map(|row| (row.get(0), row)).collect();
        Ok(events
            .iter()
            .map(|(id, generation)| admission(known.get(&id.uuid()).copied(), *generation))
            .collect())
    }

    /// Records first generations that were handled. Fails with a duplicate when another replica was faster.
    pub(crate) async fn done(
        &self,
        client: &impl GenericClient,
        handler: &str,
        done: &[Done<'_>],
    ) -> Result<(), DbError> {
        let ids: Vec<Uuid> = done.iter().map(|row| row.id.uuid()).collect();
        let subjects: Vec<&str> = done.iter().map(|row| row.subject).collect();
        let outboxes: Vec<Option<&[u8]>> = done.iter().map(|row| some(&row.outbox)).collect();
        let statement = client.prepare_cached(&self.sql().done).await?;
        client.execute(&statement, &[&handler, &ids, &subjects, &outboxes]).await?;
        Ok(())
    }
}

fn admission(row: Option<&Row>, generation: u32) -> Admission {
    let Some(row) = row else {
        return if generation == 0 { Admission::New } else { Admission::Stale };
    };
    let recorded: i32 = row.get("generation");
    let open = row.get::<_, &str>("state") != "done";
    if !open || i64::from(generation) != i64::from(recorded) + 1 {
        return Admission::Stale;
    }
    let failures = row.get::<_, Option<&[u8]>>("failures").unwrap_or_default();
    let attempts: i32 = row.get("attempts");
    Admission::Again(History {
        handler: row.get("handler"),
        attempts: u32::try_from(attempts).unwrap_or_default(),
        failures: Failures::decode(failures).unwrap_or_default(),
        deferred: row.get::<_, Option<f64>>("deferred").map(|age| Duration::from_secs_f64(age.max(0.0))),
    })
}
