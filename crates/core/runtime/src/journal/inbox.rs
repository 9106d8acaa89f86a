//! The inbox: admits arriving events and records handled ones.

use std::time::Duration;

use deadpool_postgres::GenericClient;
use despatch_contracts::EventId;
use despatch_contracts::runtime::Failures;
use prost::Message as _;
use tokio_postgres::Row;
use uuid::Uuid;

use crate::db::DbError;
use crate::journal::journal::{Journal, some};

/// The journal's decision about an arriving event.
#[derive(Debug)]
pub(crate) enum Admission {
    /// The handler has not seen the event.
    New,
    /// The handler has seen the event and expects this generation.
    Again(History),
    /// The event is settled, or the handler expects another generation.
    Stale,
}

/// The earlier tries of an event.
#[derive(Debug, Default, Clone)]
pub(crate) struct History {
    /// The handler's name in the event's journal row. It is a former name if the row is older than the rename.
    pub(crate) handler: Option<String>,
    /// Tries that counted.
    pub(crate) attempts: u32,
    pub(crate) failures: Failures,
    /// Time since the event was first deferred, by the database's clock.
    pub(crate) deferred: Option<Duration>,
    /// Time since the event's first failed try, by the database's clock.
    pub(crate) waited: Option<Duration>,
}

/// The verdict of a failure after which a breaker holds the event.
pub(crate) const HELD: &str = "held";

impl History {
    /// Returns whether the event was held by a breaker: then this delivery is the breaker's doing.
    pub(crate) fn was_held(&self) -> bool {
        self.failures.failures.last().is_some_and(|last| last.verdict == HELD)
    }
}

/// The journal row of an event that was handled at generation 0.
#[derive(Debug)]
pub(crate) struct Done<'a> {
    pub(crate) id: EventId,
    pub(crate) subject: &'a str,
    /// Encoded follow-ons; empty if there are none.
    pub(crate) outbox: Vec<u8>,
}

impl Journal {
    /// Asks the journal about many events with one query. Answers in their order. `handlers` are all names that the
    /// handler has had.
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

    /// Records handled events of generation 0. Fails with a duplicate if another replica was faster.
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
        deferred: age(row, "deferred"),
        waited: age(row, "waited"),
    })
}

fn age(row: &Row, column: &str) -> Option<Duration> {
    row.get::<_, Option<f64>>(column).map(|age| Duration::from_secs_f64(age.max(0.0)))
}
