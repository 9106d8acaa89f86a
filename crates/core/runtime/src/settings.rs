//! How a process runs its workers.

use std::time::Duration;

use crate::policy::PolicyOverride;

/// How a process runs its workers.
#[derive(Debug, Clone)]
pub struct Settings {
    /// `nats://user:password@ctx:port`, several separated by commas.
    pub nats_url: String,
    /// `postgres://user:password@ctx:port/database`.
    pub database_url: String,
    /// Databases of single workers that have moved to one of their own, by worker.
    pub worker_database_urls: std::collections::BTreeMap<String, String>,
    /// Put before every subject and into the stream's name, so that several deployments can share a NATS. Empty for
    /// none.
    pub namespace: String,
    /// Connections to Postgres per worker.
    pub connections: usize,
    /// How long the broker waits for an ack before it delivers again.
    pub ack_wait: Duration,
    /// How long a drain may take to finish what is held.
    pub drain_grace: Duration,
    /// How old an outbox batch is when it counts as abandoned.
    pub sweep_after: Duration,
    /// How often due timers and retries are looked for.
    pub clock_tick: Duration,
    /// How long the journal remembers an event.
    pub journal_retention: Duration,
    /// How long the stream keeps an event.
    pub stream_retention: Duration,
    /// How many servers of a cluster keep the stream.
    pub stream_replicas: usize,
    /// Whether to create and keep in shape the stream and consumers. Exactly one process of a deployment needs to.
    pub provision: bool,
    /// Whether to look up the gauges of docs/metrics.md, for which somebody has to collect them.
    pub collect_gauges: bool,
    /// Policies of single handlers that the deployment tunes, by the handler's name.
    pub policies: std::collections::BTreeMap<String, PolicyOverride>,
    /// Whether to bring schemas up to date at the start; otherwise workers wait until somebody has.
    pub migrate: bool,
}

impl Settings {
    /// The defaults of the design, for these servers.
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
            journal_retention: 35 * day,
            stream_retention: 14 * day,
            stream_replicas: 1,
            provision: true,
            collect_gauges: false,
            policies: std::collections::BTreeMap::new(),
            migrate: true,
        }
    }

    /// The database that a worker keeps its schema in.
    pub(crate) fn database_of(&self, worker: &str) -> &str {
        self.worker_database_urls.get(worker).unwrap_or(&self.database_url)
    }
}
