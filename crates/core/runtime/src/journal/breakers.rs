//! The rows of circuit breakers, and the events that they hold.

use std::collections::BTreeMap;
use std::time::Duration;

use deadpool_postgres::GenericClient;
use despatch_contracts::EventId;
use tokio_postgres::Row;
use uuid::Uuid;

use crate::breaker::{BreakerState, Trip};
use crate::db::DbError;
use crate::journal::journal::Journal;
use crate::journal::outbox::{UnpublishedEnvelopes, fired};

/// Wait before the first probe of an open breaker. It doubles with each failed probe.
const FIRST_PROBE: Duration = Duration::from_secs(5);

/// Longest wait between two probes.
const LONGEST_PROBE: Duration = Duration::from_secs(60);

/// How long the outcome of a probe is awaited before another event may probe.
const PROBE_LEASE: Duration = Duration::from_secs(90);

/// Held events that go on in a second when a breaker becomes half-open.
const FIRST_RATE: f64 = 5.0;

/// How much each answer raises the rate: by 5 % a second while all are answered.
const GROWTH: f64 = 0.05;

/// How much a failure lowers it: a provider that answers more than four of five requests gets more of them, so that one that
/// always fails a tenth has no outage without an end.
const DECLINE: f64 = 4.0 * GROWTH;

/// The highest rate.
const HIGHEST_RATE: f64 = 1_000.0;

/// How long a breaker is half-open at least, so that a provider that comes and goes has one outage, not many.
const SETTLED: Duration = Duration::from_secs(5);

/// A breaker's row, as far as a tick needs it.
#[derive(Debug, Clone)]
pub(crate) struct BreakerRow {
    pub(crate) provider: String,
    pub(crate) state: BreakerState,
    pub(crate) reason: String,
    pub(crate) error: String,
    /// Whether a held event may go on now.
    pub(crate) lets_go: bool,
    /// Whether it holds events.
    pub(crate) holds: bool,
}

impl BreakerRow {
    /// Reads a row of `due.sql`; `None` if the worker has no breaker.
    pub(crate) fn read(row: &Row) -> Option<Self> {
        Some(BreakerRow {
            provider: row.get::<_, Option<String>>("provider")?,
            // The table allows no other state.
            state: BreakerState::parse(row.get("state"))?,
            reason: row.get("reason"),
            error: row.get("error"),
            lets_go: row.get("lets_go"),
            holds: row.get("holds"),
        })
    }
}

/// The end of an outage.
#[derive(Debug)]
pub(crate) struct Recovered {
    pub(crate) outage: EventId,
    pub(crate) lasted: Duration,
}

impl Journal {
    /// Creates the rows of these providers' breakers. An open one may be probed at once.
    pub(crate) async fn register_breakers(
        &self,
        client: &impl GenericClient,
        providers: &[&str],
    ) -> Result<(), DbError> {
        let statement = client.prepare_cached(&self.sql().register_breakers).await?;
        client.execute(&statement, &[&providers]).await?;
        Ok(())
    }

    /// Opens a breaker. Returns whether a new outage begins, which has this id.
    pub(crate) async fn open_breaker(
        &self,
        client: &impl GenericClient,
        provider: &str,
        trip: &Trip,
        outage: EventId,
    ) -> Result<bool, DbError> {
        let statement = client.prepare_cached(&self.sql().open_breaker).await?;
        let (reason, error, wait) = (trip.reason.code(), &trip.error, FIRST_PROBE.as_secs_f64());
        let row = client.query_opt(&statement, &[&provider, &reason, error, &outage.uuid(), &wait]).await?;
        Ok(row.is_some_and(|row| row.get("is_new")))
    }

    /// Takes one held event for a probe of an open breaker, unless another process probes.
    pub(crate) async fn fire_probe(
        &self,
        client: &impl GenericClient,
        provider: &str,
        by: &str,
    ) -> Result<BTreeMap<i64, UnpublishedEnvelopes>, DbError> {
        let statement = client.prepare_cached(&self.sql().fire_probe).await?;
        fired(&client.query(&statement, &[&provider, &by, &PROBE_LEASE.as_secs_f64()]).await?)
    }

    /// Notes that the probe failed.
    pub(crate) async fn fail_probe(
        &self,
        client: &impl GenericClient,
        provider: &str,
        error: &str,
    ) -> Result<(), DbError> {
        let statement = client.prepare_cached(&self.sql().fail_probe).await?;
        let (first, longest) = (FIRST_PROBE.as_secs_f64(), LONGEST_PROBE.as_secs_f64());
        client.execute(&statement, &[&provider, &error, &first, &longest]).await?;
        Ok(())
    }

    /// Makes an open breaker half-open, because the provider has answered.
    pub(crate) async fn half_open_breaker(
        &self,
        client: &impl GenericClient,
        provider: &str,
    ) -> Result<bool, DbError> {
        let statement = client.prepare_cached(&self.sql().half_open_breaker).await?;
        Ok(client.execute(&statement, &[&provider, &FIRST_RATE]).await? == 1)
    }

    /// Lowers the rate of a half-open breaker, because the provider has failed again.
    pub(crate) async fn slow_breaker(
        &self,
        client: &impl GenericClient,
        provider: &str,
        error: &str,
    ) -> Result<(), DbError> {
        let statement = client.prepare_cached(&self.sql().slow_breaker).await?;
        client.execute(&statement, &[&provider, &error, &DECLINE]).await?;
        Ok(())
    }

    /// Takes as many held events as may go on now. `answers` is how many the provider has answered since the last call
    /// of this process.
    pub(crate) async fn release_held(
        &self,
        client: &impl GenericClient,
        provider: &str,
        answers: u32,
    ) -> Result<BTreeMap<i64, UnpublishedEnvelopes>, DbError> {
        let statement = client.prepare_cached(&self.sql().release_held).await?;
        let growth = GROWTH * f64::from(answers);
        fired(&client.query(&statement, &[&provider, &growth, &HIGHEST_RATE]).await?)
    }

    /// Closes a half-open breaker that holds nothing any more. Returns the outage that has ended.
    pub(crate) async fn close_breaker(
        &self,
        client: &impl GenericClient,
        provider: &str,
    ) -> Result<Option<Recovered>, DbError> {
        let statement = client.prepare_cached(&self.sql().close_breaker).await?;
        let row = client.query_opt(&statement, &[&provider, &SETTLED.as_secs_f64()]).await?;
        Ok(row.map(|row| Recovered {
            outage: row.get::<_, Uuid>("outage_id").into(),
            lasted: Duration::from_secs_f64(row.get::<_, f64>("seconds").max(0.0)),
        }))
    }
}
