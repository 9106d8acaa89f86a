//! One process: its connections, its workers' pipelines, and how it stops.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, Semaphore, mpsc};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::admit::admit;
use crate::broker::{Broker, BrokerError, Names};
use crate::clock;
use crate::database::{Database, DbError, DbErrorKind};
use crate::delivery::Held;
use crate::effects::Ledger;
use crate::gather::QueryBatcher;
use crate::health::Health;
use crate::host::Host;
use crate::job::{Entry, HandlerSpec};
use crate::journal::Journal;
use crate::meters::Meters;
use crate::migrate::{self, Migration};
use crate::outbox::Outbox;
use crate::perform::perform;
use crate::provision;
use crate::publish::publish;
use crate::pull;
use crate::receive::receive;
use crate::record::record;
use crate::recover;
use crate::retry::Patience;
use crate::roles;
use crate::settings::Settings;
use crate::survey;
use crate::suspect::vet;
use crate::worker::Worker;

pub use crate::pull::Pending;

/// How many recorded batches of a handler may wait for the publisher.
const PUBLISH_QUEUE: usize = 8;

/// How long a drain waits for the last acks to leave.
const LAST_ACKS: Duration = Duration::from_secs(1);

/// A process could not be started; nothing that waiting would mend.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The broker's URL is not one.
    #[error(transparent)]
    Broker(#[from] BrokerError),
    /// The database's URL is not one.
    #[error(transparent)]
    Database(#[from] DbError),
}

/// A running set of workers.
pub struct Process {
    broker: Broker,
    health: Health,
    hosts: Vec<Arc<Host>>,
    specs: Vec<HandlerSpec>,
    tasks: TaskTracker,
    drain: CancellationToken,
    abandon: CancellationToken,
    grace: Duration,
}

impl Process {
    /// Starts workers. Returns before the servers are reached: they are waited for, however long that takes, and
    /// [`Health`] says so.
    pub async fn start(settings: Settings, workers: Vec<Worker>) -> Result<Self, StartError> {
        let settings = Arc::new(settings);
        let health = Health::new();
        // Several workers of one process share what they may do at the broker.
        let user = if let [only] = &workers[..] { only.name } else { "operator" };
        let broker = Broker::connect(&settings.nats_url, &settings.namespace, user, &health).await?;
        let mut process = Process {
            broker: broker.clone(),
            health: health.clone(),
            hosts: Vec::new(),
            specs: workers.iter().flat_map(|worker| worker.specs().cloned()).collect(),
            tasks: TaskTracker::new(),
            drain: CancellationToken::new(),
            abandon: CancellationToken::new(),
            grace: settings.drain_grace,
        };
        let suspects = Arc::new(Semaphore::new(1));
        let cores = std::thread::available_parallelism().map_or(2, usize::from);
        let turns = Arc::new(Semaphore::new(cores.max(2)));
        let missing = Arc::new(Notify::new());
        if settings.provision {
            health.not_ready("provisioner", "starting");
            process.tasks.spawn(provision::keep(
                broker.clone(),
                settings.clone(),
                process.specs.clone(),
                health.clone(),
                missing.clone(),
                process.drain.clone(),
            ));
        }
        for worker in workers {
            let db = Database::with_index_plans(settings.database_of(worker.name), settings.connections)?;
            let journal = Arc::new(Journal::new(worker.name));
            let gatherer = Arc::new(QueryBatcher::start(db.clone()));
            let host = Arc::new(Host {
                worker: worker.name,
                settings: settings.clone(),
                ledger: Ledger::start(db.clone(), journal.clone(), gatherer.clone()),
                gatherer,
                db,
                journal,
                broker: broker.of_a_worker(),
                health: health.clone(),
                suspects: suspects.clone(),
                turns: turns.clone(),
                missing: missing.clone(),
                drain: process.drain.clone(),
                abandon: process.abandon.clone(),
            });
            for spec in worker.specs() {
                health.not_ready(spec.name, "starting");
            }
            health.not_ready(&host.database_part(), "starting");
            process.hosts.push(host.clone());
            if settings.collect_gauges {
                let handlers = worker.specs().map(|spec| spec.name).collect();
                process.tasks.spawn(survey::watch(host.clone(), handlers, worker.gauges.clone()));
            }
            let tasks = process.tasks.clone();
            process.tasks.spawn(open_for_work(host, worker, tasks));
        }
        Ok(process)
    }

    /// What every part is doing.
    pub fn health(&self) -> &Health {
        &self.health
    }

    /// A worker's way in; `None` when this process does not run it.
    pub fn outbox(&self, worker: &str) -> Option<Outbox> {
        let host = self.hosts.iter().find(|host| host.worker == worker)?;
        Some(Outbox::new(host.clone()))
    }

    /// How much each handler's consumer still has to do, by handler; `None` where the broker does not answer.
    pub async fn pending(&self) -> Vec<(&'static str, Option<Pending>)> {
        let mut pending = Vec::with_capacity(self.specs.len());
        for spec in &self.specs {
            pending.push((spec.name, pull::pending(&self.broker, &Names::consumer(spec.name)).await));
        }
        pending
    }

    /// Finishes what is held, acks it and leaves. What the grace does not suffice for is let go: the broker will hand
    /// it to another process.
    pub async fn drain(self) {
        self.drain.cancel();
        self.tasks.close();
        if tokio::time::timeout(self.grace, self.tasks.wait()).await.is_err() {
            tracing::warn!(grace = ?self.grace, "the drain's grace is over; letting go");
            self.abandon.cancel();
            // What does not heed even that is cut off by the process's end.
            let _ = tokio::time::timeout(Duration::from_secs(1), self.tasks.wait()).await;
        }
        // Acks are in the client's buffer until they are flushed, which without a connection they never are.
        match tokio::time::timeout(LAST_ACKS, self.broker.client().flush()).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::debug!(%error, "the last acks may not have been sent"),
            Err(_) => tracing::debug!("the last acks could not be sent in time"),
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.drain.cancel();
        self.abandon.cancel();
    }
}

/// Waits for the schema, then runs the worker's clock and a pipeline for each handler.
async fn open_for_work(host: Arc<Host>, worker: Worker, tasks: TaskTracker) {
    let mut patience = Patience::new();
    while let Err(why) = schema_ready(&host, worker.migrations).await {
        host.health.not_ready(&host.database_part(), why);
        tokio::select! {
            () = patience.wait() => {}
            () = host.drain.cancelled() => return,
        }
    }
    host.health.ready(&host.database_part());
    tasks.spawn(clock::run(host.clone()));
    let handlers = worker.specs().map(|spec| spec.name).collect();
    tasks.spawn(recover::watch(host.clone(), handlers));
    for entry in worker.entries {
        tasks.spawn(run_handler(host.clone(), entry, tasks.clone()));
    }
}

async fn schema_ready(host: &Host, steps: &[Migration]) -> Result<(), String> {
    let schema = host.journal.schema();
    if host.settings.migrate {
        return migrate::migrate(&host.db, schema, steps).await.map_err(|error| {
            if error.kind() != DbErrorKind::Unreachable {
                tracing::error!(schema, %error, "the schema cannot be brought up to date");
            }
            error.to_string()
        });
    }
    let missing = migrate::missing(&host.db, schema, steps).await.map_err(|error| error.to_string())?;
    if missing.is_empty() {
        Ok(())
    } else {
        Err(format!("schema {schema} lacks {}; run `despatch migrate`", missing.join(", ")))
    }
}

/// Runs a handler until the process drains. A pipeline that breaks, as only a fault of the runtime itself can make it,
/// is built anew; what it held the broker hands over again.
async fn run_handler(host: Arc<Host>, entry: Arc<dyn Entry>, tasks: TaskTracker) {
    let mut patience = Patience::new();
    while !host.drain.is_cancelled() {
        let held = Held::default();
        let mut publisher = pipeline(&host, &entry, &held, &tasks);
        tokio::select! {
            _ = &mut publisher => {}
            () = keep_alive(&host, &held) => {}
            () = host.abandon.cancelled() => return,
        }
        if !host.drain.is_cancelled() {
            let handler = entry.spec().name;
            tracing::error!(handler, "the pipeline broke; it is built anew");
            host.health.not_ready(handler, "the pipeline broke");
            patience.wait().await;
        }
    }
}

/// A handler's stages, joined by queues. Each ends when the one before it has, so a drain empties them in order. Answers
/// the last.
fn pipeline(
    host: &Arc<Host>,
    entry: &Arc<dyn Entry>,
    held: &Held,
    tasks: &TaskTracker,
) -> tokio::task::JoinHandle<()> {
    let spec = entry.spec().clone();
    let meters = Meters::of(host.worker, spec.name);
    let (to_admit, received) = mpsc::unbounded_channel();
    let (to_vet, suspects) = mpsc::unbounded_channel();
    let (to_record, ready) = mpsc::unbounded_channel();
    let (to_publish, recorded) = mpsc::channel(PUBLISH_QUEUE);
    let to_work = if spec.has_effects {
        let (to_perform, admitted) = mpsc::unbounded_channel();
        tasks.spawn(perform(host.clone(), spec.clone(), meters.clone(), admitted, to_record));
        to_perform
    } else {
        to_record
    };
    tasks.spawn(receive(host.clone(), spec.clone(), meters.clone(), held.clone(), to_admit));
    tasks.spawn(admit(host.clone(), entry.clone(), meters.clone(), received, to_work.clone(), to_vet));
    tasks.spawn(vet(host.clone(), spec.clone(), suspects, to_work));
    tasks.spawn(record(host.clone(), spec.clone(), meters.clone(), ready, to_publish));
    tasks.spawn(publish(host.clone(), spec, meters, recorded))
}

/// Tells the broker, in time, that what is held is being worked on.
async fn keep_alive(host: &Host, held: &Held) {
    let third = host.settings.ack_wait / 3;
    let mut tick = tokio::time::interval(third);
    loop {
        tick.tick().await;
        held.progress(host.broker.client(), third / 2).await;
    }
}

/// Brings the schemas of these workers up to date, gives each to a role of its own where that is allowed, and returns:
/// `despatch migrate`.
pub async fn migrate_all(settings: &Settings, workers: &[Worker]) -> Result<(), DbError> {
    for worker in workers {
        let db = Database::new(settings.database_of(worker.name), 1)?;
        migrate::migrate(&db, worker.name, worker.migrations).await?;
    }
    for worker in workers {
        let db = Database::new(settings.database_of(worker.name), 1)?;
        if !roles::keep(&db, worker).await? {
            tracing::info!(worker = worker.name, "no role of its own: this user may not make roles");
        }
    }
    Ok(())
}

/// Creates or corrects the stream and the consumers of these workers and returns: `despatch provision`.
pub async fn provision_all(settings: &Settings, workers: &[Worker]) -> Result<(), BrokerError> {
    let broker =
        Broker::connect(&settings.nats_url, &settings.namespace, "provisioner", &Health::new()).await?;
    let specs: Vec<HandlerSpec> = workers.iter().flat_map(|worker| worker.specs().cloned()).collect();
    provision::provision(&broker, settings, &specs).await
}
