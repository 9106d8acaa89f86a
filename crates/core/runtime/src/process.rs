//! A process: its connections, its workers' pipelines, its drain.

use crate::maintenance::answers;
use crate::pipeline::run_handler;
use crate::worker::registered_ask;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use tokio::sync::{Notify, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::admin::provision;
use crate::backoff::Backoff;
use crate::breaker::Breakers;
use crate::clock::Clock;
use crate::context::WorkerContext;
use crate::db::{Database, DbError, DbErrorKind, QueryBatcher};
use crate::health::Health;
use crate::journal::migrate;
use crate::journal::{Journal, Ledger};
use crate::maintenance::gauges;
use crate::maintenance::pruner;
use crate::maintenance::readiness;
use crate::maintenance::recovery;
use crate::maintenance::scheduler;
use crate::maintenance::surroundings;
use crate::maintenance::{AnswerCancelRetries, AnswerRetryNow};
use crate::nats::pull;
use crate::nats::{Broker, BrokerError, Names, Pending};
use crate::outbox::Outbox;
use crate::probe::Probe;
use crate::settings::Settings;
use crate::supervise::supervised;
use crate::worker::{HandlerSpec, Worker};

/// How long a drain waits until the last acks are sent.
const LAST_ACKS: Duration = Duration::from_secs(1);

/// A process cannot start, and trying again does not help.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The broker's URL is malformed.
    #[error(transparent)]
    Broker(#[from] BrokerError),
    /// A database's URL is malformed.
    #[error(transparent)]
    Database(#[from] DbError),
}

/// A running set of workers.
pub struct Process {
    broker: Broker,
    health: Health,
    contexts: Vec<Arc<WorkerContext>>,
    specs: Vec<HandlerSpec>,
    tasks: TaskTracker,
    drain: CancellationToken,
    abandon: CancellationToken,
    grace: Duration,
}

impl Process {
    /// Starts workers. Returns before the servers are reached: the process waits for them without a limit, and
    /// [`Health`] reports it.
    pub async fn start(settings: Settings, workers: Vec<Worker>) -> Result<Self, StartError> {
        let began = Instant::now();
        let names: Vec<&str> = workers.iter().map(Worker::name).collect();
        let names = names.join(" ");
        let settings = Arc::new(settings);
        let health = Health::new();
        // Several workers of one process share one user's permissions at the broker.
        let user = if let [only] = &workers[..] { only.name } else { "operator" };
        let broker = Broker::connect(&settings.nats_url, &settings.namespace, user, &health).await?;
        let mut process = Process {
            broker: broker.clone(),
            health: health.clone(),
            contexts: Vec::new(),
            specs: workers.iter().flat_map(|worker| worker.specs().cloned()).collect(),
            tasks: TaskTracker::new(),
            drain: CancellationToken::new(),
            abandon: CancellationToken::new(),
            grace: settings.drain_grace,
        };
        let quarantine = Arc::new(Semaphore::new(1));
        let cores = std::thread::available_parallelism().map_or(2, usize::from);
        let commit_permits = Arc::new(Semaphore::new(cores.max(2)));
        let consumer_missing = Arc::new(Notify::new());
        if settings.provision {
            health.not_ready("provisioner", "starting");
        }
        for worker in workers {
            let db = Database::with_index_plans(settings.database_of(worker.name), settings.connections)?;
            let journal = Arc::new(Journal::new(worker.name));
            let batcher = Arc::new(QueryBatcher::start(db.clone()));
            let ctx = Arc::new(WorkerContext {
                worker: worker.name,
                settings: settings.clone(),
                ledger: Ledger::start(db.clone(), journal.clone(), batcher.clone()),
                breakers: Breakers::of(worker.specs().filter_map(|spec| spec.provider)),
                batcher,
                clock: db.clock().clone(),
                db,
                journal,
                broker: broker.of_a_worker(),
                health: health.clone(),
                commits: Probe::new(),
                quarantine: quarantine.clone(),
                commit_permits: commit_permits.clone(),
                consumer_missing: consumer_missing.clone(),
                drain: process.drain.clone(),
                abandon: process.abandon.clone(),
            });
            for spec in worker.specs() {
                health.not_ready(spec.name, "starting");
            }
            health.not_ready(&ctx.database_part(), "starting");
            process.contexts.push(ctx.clone());
            if settings.collect_gauges {
                let handlers: Vec<_> = worker.specs().map(|spec| spec.name).collect();
                let (ctx, gauges) = (ctx.clone(), worker.gauges.clone());
                let watch = move || gauges::watch(ctx.clone(), handlers.clone(), gauges.clone());
                process.tasks.spawn(supervised("gauges", watch));
            }
            let tasks = process.tasks.clone();
            let open = move || open_for_work(ctx.clone(), worker.clone(), tasks.clone());
            process.tasks.spawn(supervised("opening", open));
        }
        if settings.provision {
            let (broker, settings, specs) = (broker.clone(), settings.clone(), process.specs.clone());
            let (health, clocks) = (health.clone(), process.clocks());
            let (missing, drain) = (consumer_missing.clone(), process.drain.clone());
            let keep = move || {
                let (settings, specs, clocks) = (settings.clone(), specs.clone(), clocks.clone());
                let (health, missing) = (health.clone(), missing.clone());
                provision::keep(broker.clone(), settings, specs, health, clocks, missing, drain.clone())
            };
            process.tasks.spawn(supervised("provisioner", keep));
        }
        let (clocks, watched, drain) = (process.clocks(), health.clone(), process.drain.clone());
        let watch =
            move || surroundings::watch(clocks.clone(), broker.clone(), watched.clone(), drain.clone());
        process.tasks.spawn(supervised("surroundings", watch));
        process.tasks.spawn(report_ready(names, began, health, process.drain.clone()));
        Ok(process)
    }

    fn clocks(&self) -> Vec<Arc<Clock>> {
        self.contexts.iter().map(|ctx| ctx.clock.clone()).collect()
    }

    /// Returns the state of each part.
    pub fn health(&self) -> &Health {
        &self.health
    }

    /// Returns the process's readiness, for its probes.
    pub fn readiness(&self) -> Readiness {
        Readiness { health: self.health.clone(), contexts: self.contexts.clone() }
    }

    /// Returns a worker's outbox; `None` if this process does not run the worker.
    pub fn outbox(&self, worker: &str) -> Option<Outbox> {
        let ctx = self.contexts.iter().find(|ctx| ctx.worker == worker)?;
        Some(Outbox::new(ctx.clone()))
    }

    /// Returns each handler's pending messages; `None` for a handler for which the broker does not answer.
    pub async fn pending(&self) -> Vec<(&'static str, Option<Pending>)> {
        let mut pending = Vec::with_capacity(self.specs.len());
        for spec in &self.specs {
            pending.push((spec.name, pull::pending(&self.broker, &Names::consumer(spec.name)).await));
        }
        pending
    }

    /// Finishes and acks what is in flight, then stops. When the grace is over, the rest is abandoned: the broker
    /// delivers it to another process.
    pub async fn drain(self) {
        self.health.stopping();
        self.drain.cancel();
        self.tasks.close();
        if tokio::time::timeout(self.grace, self.tasks.wait()).await.is_err() {
            tracing::warn!(grace = ?self.grace, "drain grace exceeded: abandoning what is in flight");
            self.abandon.cancel();
            // The end of the process cuts off tasks that ignore even this.
            let _ = tokio::time::timeout(Duration::from_secs(1), self.tasks.wait()).await;
        }
        // Acks are in the client's buffer until it is flushed, and without a connection it never is.
        match tokio::time::timeout(LAST_ACKS, self.broker.client().flush()).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::debug!(%error, "last acks not flushed"),
            Err(_) => tracing::debug!(timeout = ?LAST_ACKS, "last acks not flushed"),
        }
    }
}

/// Answers whether a process is at work.
#[derive(Clone)]
pub struct Readiness {
    health: Health,
    contexts: Vec<Arc<WorkerContext>>,
}

impl Readiness {
    /// Asks the servers whether they take what the workers write, unless they did within the last seconds. Returns the
    /// process's health after that.
    pub async fn check(&self) -> &Health {
        join_all(self.contexts.iter().map(|ctx| readiness::check(ctx))).await;
        &self.health
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.drain.cancel();
        self.abandon.cancel();
    }
}

/// Logs once that every part of the process is at work.
async fn report_ready(workers: String, began: Instant, health: Health, drain: CancellationToken) {
    tokio::select! {
        () = health.until_ready() => {
            tracing::info!(workers, took = ?Duration::from_millis(millis(began)), "process ready");
        }
        () = drain.cancelled() => {}
    }
}

/// Returns the whole milliseconds since a moment.
fn millis(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX)
}

/// Waits for the schema, then runs the worker's scheduler, recovery and asks, and a pipeline for each handler.
async fn open_for_work(ctx: Arc<WorkerContext>, worker: Worker, tasks: TaskTracker) {
    let mut backoff = Backoff::new();
    while let Err(why) = schema_ready(&ctx, &worker).await {
        ctx.health.not_ready(&ctx.database_part(), why);
        tokio::select! {
            () = backoff.wait() => {}
            () = ctx.drain.cancelled() => return,
        }
    }
    ctx.health.ready(&ctx.database_part());
    let handlers: Vec<_> = worker.specs().map(|spec| spec.name).collect();
    let (of_scheduler, of_recovery, of_asks) = (ctx.clone(), ctx.clone(), ctx.clone());
    tasks.spawn(supervised("scheduler", move || scheduler::run(of_scheduler.clone(), worker.emits.clone())));
    tasks.spawn(supervised("recovery", move || recovery::watch(of_recovery.clone(), handlers.clone())));
    let (of_pruner, retentions) = (ctx.clone(), worker.retentions);
    tasks.spawn(supervised("pruner", move || pruner::run(of_pruner.clone(), retentions.clone())));
    let mut asks = worker.asks;
    asks.push(registered_ask(AnswerRetryNow(ctx.clone())));
    asks.push(registered_ask(AnswerCancelRetries(ctx.clone())));
    let answering = tasks.clone();
    tasks.spawn(supervised("asks", move || answers::run(of_asks.clone(), asks.clone(), answering.clone())));
    for handler in worker.handlers {
        let (ctx, stages) = (ctx.clone(), tasks.clone());
        tasks.spawn(supervised("handler", move || run_handler(ctx.clone(), handler.clone(), stages.clone())));
    }
}

async fn schema_ready(ctx: &WorkerContext, worker: &Worker) -> Result<(), String> {
    let (schema, steps) = (ctx.journal.schema(), worker.migrations);
    let failed = |error: DbError| {
        if error.kind() != DbErrorKind::Unreachable {
            tracing::error!(schema, %error, "schema not ready");
        }
        error.to_string()
    };
    if ctx.settings.migrate {
        migrate::migrate(&ctx.db, schema, steps).await.map_err(failed)?;
    } else {
        let missing = migrate::missing(&ctx.db, schema, steps).await.map_err(failed)?;
        if !missing.is_empty() {
            return Err(format!("schema {schema} lacks {}; run `despatch migrate`", missing.join(", ")));
        }
    }
    let client = ctx.db.client().await.map_err(failed)?;
    // A connection that is older than the schema could not ask for the time.
    let asked = Instant::now();
    let now = client.query_one("select despatch_now()", &[]).await.map_err(|error| failed(error.into()))?;
    ctx.clock.learn(now.get(0), asked);
    // The provisioner may have waited for it.
    ctx.consumer_missing.notify_one();
    // Finds a statement that does not fit the schema now, not at the first event that needs it.
    for (name, sql) in ctx.journal.sql().all() {
        client.prepare(sql).await.map_err(|error| {
            tracing::error!(schema, name, %error, "statement check failed");
            failed(error.into())
        })?;
    }
    for query in &worker.queries {
        query.check(&client).await.map_err(failed)?;
    }
    ctx.journal.register_breakers(&client, &ctx.breakers.providers()).await.map_err(failed)
}
