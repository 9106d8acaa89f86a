//! Lists the providers that are out of service for a worker.

use std::time::SystemTime;

use crate::db::{Database, DbError};

/// A provider that is out of service for a worker: its circuit breaker is not closed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outage {
    /// The provider, e.g. `stripe`.
    pub provider: String,
    /// `open`, or `half-open` while what waited goes on.
    pub state: String,
    /// The reason code, `provider-refused` or `provider-down`.
    pub reason: String,
    /// The last failure.
    pub error: String,
    /// When it began, by the database's clock.
    pub since: Option<SystemTime>,
    /// When the next event tries the provider.
    pub next_probe: SystemTime,
    /// How many events wait for it.
    pub waiting: u64,
}

/// Lists a worker's providers that are out of service.
pub async fn list_outages(db: &Database, worker: &str) -> Result<Vec<Outage>, DbError> {
    let sql = format!(
        "select provider, state, reason, error, opened_at, probe_at,
                (select count(*) from {worker}.retry where held_by = provider) as waiting
           from {worker}.breaker where state <> 'closed' order by provider"
    );
    let outages = db.client().await?.query(&sql, &[]).await?;
    let outages = outages.iter().map(|row| {
        Ok(Outage {
            provider: row.try_get("provider")?,
            state: row.try_get("state")?,
            reason: row.try_get("reason")?,
            error: row.try_get("error")?,
            since: row.try_get("opened_at")?,
            next_probe: row.try_get("probe_at")?,
            waiting: u64::try_from(row.try_get::<_, i64>("waiting")?).unwrap_or_default(),
        })
    });
    outages.collect()
}
