//! Due retries and timers, and timers set from outside of handlers.

use crate::journal::sql::Statements;
use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use deadpool_postgres::GenericClient;
use despatch_contracts::{Emitted, Event, Trace};
use tokio_postgres::Row;

use crate::db::DbError;
use crate::journal::breakers::BreakerRow;
use crate::journal::journal::Journal;
use crate::journal::outbox::{UnpublishedEnvelopes, fired};

/// The kinds of scheduled work that are due.
pub(crate) struct Due {
    pub(crate) retries: bool,
    pub(crate) timers: bool,
    /// The database's time.
    pub(crate) now: SystemTime,
    pub(crate) breakers: Vec<BreakerRow>,
}

impl Journal {
    /// Takes up to 256 due retries and opens a batch for each handler among them.
    pub(crate) async fn fire_retries(
        &self,
        client: &impl GenericClient,
    ) -> Result<BTreeMap<i64, UnpublishedEnvelopes>, DbError> {
        let statement = client.prepare_cached(&self.sql().fire_retries).await?;
        fired(&client.query(&statement, &[]).await?)
    }

    /// Returns which kinds of work are due, and the breakers. Usually none is, and then this query is all that a tick
    /// costs.
    pub(crate) async fn due(&self, client: &impl GenericClient) -> Result<Due, DbError> {
        let statement = client.prepare_cached(&self.sql().due).await?;
        let rows = client.query(&statement, &[]).await?;
        // The statement always returns a row.
        let first =
            rows.first().ok_or_else(|| DbError::Misuse("due: expected a row, found none".to_owned()))?;
        let breakers = rows.iter().filter_map(BreakerRow::read).collect();
        Ok(Due {
            retries: first.get("retries"),
            timers: first.get("timers"),
            now: first.get("now"),
            breakers,
        })
    }

    /// Takes up to 256 due timers. The caller journals their events in the same transaction. Timers of event types that
    /// this build does not know are left for a build that does.
    pub(crate) async fn fire_timers(
        &self,
        client: &impl GenericClient,
        known: &[&str],
    ) -> Result<Vec<Row>, DbError> {
        let statement = client.prepare_cached(&self.sql().fire_timers).await?;
        Ok(client.query(&statement, &[&known]).await?)
    }
}

/// Sets a worker's durable timer in the caller's transaction, from outside of its handlers. A process of the worker
/// publishes `event` once `after` has passed by the database's clock. The timer replaces one with the same key.
pub async fn set_timer<E: Event>(
    client: &impl GenericClient,
    worker: &str,
    key: &str,
    after: Duration,
    event: &E,
) -> Result<(), DbError> {
    let Emitted { event_type, subject, payload } = Emitted::from(event);
    let statement = client.prepare_cached(&Statements::of(worker).schedule).await?;
    let (keys, seconds, types) = (vec![key], vec![after.as_secs_f64()], vec![event_type]);
    let (subjects, payloads, traces) =
        (vec![subject], vec![payload.to_vec()], vec![Trace::root().to_string()]);
    client.execute(&statement, &[&keys, &seconds, &types, &subjects, &payloads, &traces]).await?;
    Ok(())
}
