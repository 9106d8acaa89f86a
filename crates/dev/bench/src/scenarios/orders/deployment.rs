//! The workers of a run: the configuration of a deployment, with providers in the workers' own processes.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::time::{Duration, Instant};

use clap::ValueEnum;
use despatch::Registry;
use despatch_runtime::Database;
use despatch_scenario::Auditor;
use tempfile::TempDir;
use tokio::net::TcpStream;

use crate::load::despatch_process::DespatchProcess;
use crate::load::run_env::RunEnv;
use crate::result::Result;

/// The shop's API key.
pub(crate) const API_KEY: &str = "bench-api-key";

/// The carrier's token.
pub(crate) const WEBHOOK_TOKEN: &str = "bench-carrier-token";

/// How long processes may take until the gateway listens and the schemas exist.
const START_TIMEOUT: Duration = Duration::from_secs(60);

/// How long all work in progress may take to end.
const QUIET_TIMEOUT: Duration = Duration::from_secs(120);

const POLL_INTERVAL: Duration = Duration::from_millis(20);

/// The distribution of the workers over processes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Processes {
    /// All workers in one process
    One,
    /// A process for each worker
    Each,
}

/// A worker, and its role at the database.
pub(crate) struct WorkerRole {
    pub(crate) name: &'static str,
    pub(crate) role: String,
    url: String,
}

/// All workers, running.
pub(crate) struct Deployment {
    /// The gateway's address.
    pub(crate) gateway: SocketAddr,
    pub(crate) processes: Vec<DespatchProcess>,
    /// The workers in the order of an order's life.
    pub(crate) workers: Vec<WorkerRole>,
    /// The database, past the workers, for stock and audit.
    pub(crate) database: Database,
    _config: TempDir,
}

impl Deployment {
    /// Starts the workers, and returns once the gateway listens and every schema exists.
    pub(crate) async fn start(env: &RunEnv, processes: Processes) -> Result<Self> {
        let names = Registry::default().names();
        let mut workers = Vec::with_capacity(names.len());
        for name in &names {
            let role = format!("{}_{name}", env.settings.namespace);
            workers.push(WorkerRole { name, url: env.create_role(&role).await?, role });
        }
        let gateway = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?;
        let dir = tempfile::Builder::new().prefix("despatch-bench-").tempdir()?;
        let file = dir.path().join("despatch.toml");
        let databases: Vec<String> = match processes {
            // Even in one process, each worker has connections of its own.
            Processes::One => {
                workers.iter().map(|WorkerRole { name, url, .. }| format!("{name} = {url:?}")).collect()
            }
            Processes::Each => Vec::new(),
        };
        std::fs::write(&file, configuration(env, gateway, &databases.join("\n")))?;
        let start =
            |name: &str, workers: &[&str], url: &str| DespatchProcess::start(name, workers, &file, url);
        let processes = match processes {
            Processes::One => vec![start("all workers", &[], &env.settings.database_url)?],
            Processes::Each => {
                let each = workers.iter();
                each.map(|WorkerRole { name, url, .. }| start(name, &[name], url)).collect::<Result<_>>()?
            }
        };
        let database = Database::new(&env.settings.database_url, 2)?;
        let mut deployment = Deployment { gateway, processes, workers, database, _config: dir };
        deployment.until_up(env).await?;
        Ok(deployment)
    }

    async fn until_up(&mut self, env: &RunEnv) -> Result {
        let started = Instant::now();
        let db = env.db().await?;
        let schemas: Vec<String> =
            self.workers.iter().map(|worker| format!("{}.journal", worker.name)).collect();
        let all = "select bool_and(to_regclass(name) is not null) from unnest($1::text[]) as name";
        loop {
            self.check()?;
            if TcpStream::connect(self.gateway).await.is_ok()
                && db.query_one(all, &[&schemas]).await?.get::<_, bool>(0)
            {
                return Ok(());
            }
            if started.elapsed() > START_TIMEOUT {
                return Err("the workers do not start".into());
            }
            tokio::time::sleep(POLL_INTERVAL).await;
        }
    }

    /// Fails if a process has ended.
    pub(crate) fn check(&mut self) -> Result {
        self.processes.iter_mut().try_for_each(DespatchProcess::check)
    }

    /// Returns the auditor of all workers.
    pub(crate) fn auditor(&self) -> Auditor {
        Auditor::new(self.database.clone(), self.workers.iter().map(|worker| worker.name).collect())
    }

    /// Waits until nothing is left to do except timers that are not due.
    pub(crate) async fn until_quiet(&mut self, env: &RunEnv) -> Result {
        let started = Instant::now();
        let auditor = self.auditor();
        let mut before = None;
        loop {
            self.check()?;
            let left = self.left(env, &auditor).await?;
            let sequence = env.jetstream.get_stream(env.stream()).await?.cached_info().state.last_sequence;
            // The parts are read one after the other, so only two equal readings prove it.
            if left.is_empty() && before == Some(sequence) {
                return Ok(());
            }
            if started.elapsed() > QUIET_TIMEOUT {
                return Err(format!("still to be done: {}", left.join("; ")).into());
            }
            before = left.is_empty().then_some(sequence);
            tokio::time::sleep(POLL_INTERVAL).await;
        }
    }

    async fn left(&self, env: &RunEnv, auditor: &Auditor) -> Result<Vec<String>> {
        let mut left = env.pending().await?;
        for (worker, backlog) in auditor.backlogs().await? {
            if backlog.waiting > 0 || backlog.outbox_batches > 0 {
                let (retries, batches) = (backlog.waiting, backlog.outbox_batches);
                left.push(format!("{worker}: {retries} retries, {batches} batches to publish"));
            }
        }
        Ok(left)
    }

    /// Drains every process, and returns their roles.
    pub(crate) async fn stop(self) -> Result<Vec<String>> {
        futures_util::future::try_join_all(self.processes.into_iter().map(DespatchProcess::stop)).await?;
        Ok(self.workers.into_iter().map(|worker| worker.role).collect())
    }
}

/// Returns the settings that differ from the binary's defaults.
fn configuration(env: &RunEnv, gateway: SocketAddr, databases: &str) -> String {
    let (nats, namespace) = (&env.settings.nats_url, &env.settings.namespace);
    format!(
        r#"
        nats_url = "{nats}"

        [databases]
        {databases}

        [runtime]
        namespace = "{namespace}"

        [health]
        listen = ""

        # Providers that answer at once.
        [payments]
        provider = "fake"

        [smtp]
        url = "fake:"

        [[labels.rules]]
        carrier = "own"
        services = ["courier"]

        [shippo]
        webhook_tokens = ["{WEBHOOK_TOKEN}"]

        [shop]
        public_url = "http://{gateway}"

        [links]
        secret = "bench-link-secret-of-at-least-32-bytes"

        [gateway]
        listen = "{gateway}"
        api_keys = ["{API_KEY}"]
        commit_wait_ms = 20000

        # What it does by the clock is no part of an order.
        [exceptions]
        monitor_seconds = 86400
        "#
    )
}
