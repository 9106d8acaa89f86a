//! Settings of a process that runs workers.

use std::time::Duration;

use crate::policy::PolicyOverride;

/// Settings of a process that runs workers.
#[derive(Debug, Clone)]
pub struct Settings {
    /// NATS servers, `nats://user:password@host:port`, separated by commas.
    pub nats_url: String,
    /// The common database, `postgres://user:password@host:port/database`.
    pub database_url: String,
    /// Databases of workers that have one of their own, by worker.
    pub worker_database_urls: std::collections::BTreeMap<String, String>,
    /// Prefix of every subject and part of the stream's name, so that several deployments can share a NATS. Empty for
    /// none.
    pub namespace: String,
    /// Connections to PostgreSQL per worker.
    pub connections: usize,
    /// Time that the broker waits for an ack before it delivers again.
    pub ack_wait: Duration,
    /// Time that a drain may take to finish what is in flight.
    pub drain_grace: Duration,
    /// Age at which an outbox batch counts as abandoned.
    pub sweep_after: Duration,
    /// Interval at which the scheduler looks for due timers and retries.
    pub clock_tick: Duration,
    /// Time that the journal keeps an event.
    pub journal_retention: Duration,
    /// Times after which rows that were declared with [`Retention`](crate::Retention) are pruned, by their names. Zero keeps
    /// them permanently.
    pub retentions: std::collections::BTreeMap<String, Duration>,
    /// Time that the stream keeps an event.
    pub stream_retention: Duration,
    /// Servers of a cluster that keep a copy of the stream.
    pub stream_replicas: usize,
    /// Whether to create and correct the stream and its consumers. At least one process of a deployment must do so.
    pub provision: bool,
    /// Whether to query the gauges of docs/metrics.md. Pointless unless a collector reads them.
    pub collect_gauges: bool,
    /// Limits that the deployment sets for single handlers, by the handler's name.
    pub policies: std::collections::BTreeMap<String, PolicyOverride>,
    /// Whether to migrate schemas at the start. Otherwise workers wait until `despatch migrate` has run.
    pub migrate: bool,
}

impl Settings {
    /// Returns the default settings for these servers.
    pub fn new(nats_url: impl Into<String>, database_url: impl Into<String>) -> Self {
        let day = Duration::from_secs(24 * 3600);
        Settings {
            nats_url: nats_url.into(),
            database_url: database_url.into(),
            worker_database_urls: std::collections::BTreeMap::new(),
            namespace: String::new(),
            connections: 6,
            ack_wait: Duration::from_secs(30),
            drain_grace: Duration::from_secs(20),
            sweep_after: Duration::from_secs(60),
            clock_tick: Duration::from_millis(200),
            journal_retention: 28 * day,
            retentions: std::collections::BTreeMap::new(),
            stream_retention: 14 * day,
            stream_replicas: 1,
            provision: true,
            collect_gauges: false,
            policies: std::collections::BTreeMap::new(),
            migrate: true,
        }
    }

    /// Returns the URL of the database that holds a worker's schema.
    pub(crate) fn database_of(&self, worker: &str) -> &str {
        self.worker_database_urls.get(worker).unwrap_or(&self.database_url)
    }
}
