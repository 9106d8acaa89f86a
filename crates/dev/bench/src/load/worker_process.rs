//! Workers in processes of their own: this same binary, run again.
//!
//! Each ends when the pipe on its standard input does, which only the benchmark holds. So none outlives it, however it
//! ends.

use std::io::Read as _;
use std::process::Stdio;
use std::time::Duration;

use despatch_runtime::{Process, Settings, Worker, migrate_all, provision_all};
use despatch_telemetry::Telemetry;
use futures_util::future::try_join_all;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, ChildStdin, Command};

use crate::load::run_env::RunEnv;
use crate::load::{carrier, steps};
use crate::result::Result;

/// The variable with a process's task.
const TASK: &str = "DESPATCH_BENCH_TASK";

/// The line that a process prints when it consumes.
const READY: &str = "ready";

/// A worker that can be run in a process of its own.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) enum Role {
    /// A step of the flow.
    Step(usize),
    /// The real `inventory`.
    Inventory,
    /// A step that asks a carrier, which answers after this time.
    Carrier { answers_after: Duration },
}

impl Role {
    /// Creates the worker.
    pub(crate) fn worker(self) -> Worker {
        match self {
            Role::Step(step) => steps::workers(false).swap_remove(step),
            // No reservation expires within a benchmark.
            Role::Inventory => despatch_inventory::worker(&despatch_inventory::Config {
                reservation_seconds: 3600,
                ..despatch_inventory::Config::default()
            }),
            Role::Carrier { answers_after } => carrier::worker(answers_after),
        }
    }
}

#[derive(Serialize, Deserialize)]
struct Task {
    role: Role,
    nats_url: String,
    database_url: String,
    namespace: String,
    telemetry: bool,
}

/// Creates the schemas, the stream and the consumers that these roles need.
pub(crate) async fn prepare(env: &RunEnv, roles: &[Role]) -> Result {
    let workers: Vec<Worker> = roles.iter().map(|role| role.worker()).collect();
    migrate_all(&env.settings, &workers).await?;
    provision_all(&env.settings, &workers).await?;
    Ok(())
}

/// A process that consumes.
pub(crate) struct Running {
    child: Child,
    stdin: ChildStdin,
}

impl Running {
    /// Starts a process, and returns once it consumes. With a collector, the process sends its telemetry there.
    pub(crate) async fn start(settings: Settings, role: Role, collector: Option<&str>) -> Result<Self> {
        let Settings { nats_url, database_url, namespace, .. } = settings;
        let task = Task { role, nats_url, database_url, namespace, telemetry: collector.is_some() };
        let mut child = Command::new(std::env::current_exe()?)
            .arg("worker")
            .env(TASK, serde_json::to_string(&task)?)
            .envs(collector.map(|url| ("OTEL_EXPORTER_OTLP_ENDPOINT", url)))
            .env("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let (stdin, stdout) = (child.stdin.take(), child.stdout.take());
        let mut lines = BufReader::new(stdout.ok_or("no pipe")?).lines();
        if lines.next_line().await?.as_deref() != Some(READY) {
            return Err("a worker's process did not start".into());
        }
        Ok(Running { child, stdin: stdin.ok_or("no pipe")? })
    }

    /// Drains it, and waits until it is gone.
    pub(crate) async fn stop(self) -> Result {
        let Running { mut child, stdin } = self;
        drop(stdin);
        let status = child.wait().await?;
        if !status.success() {
            return Err(format!("a worker's process has ended with {status}").into());
        }
        Ok(())
    }
}

/// Processes that consume.
pub(crate) struct Children(Vec<Running>);

impl Children {
    /// Prepares the schemas and consumers, starts a process for each role, and returns once all consume. With a
    /// collector, the processes send their telemetry there.
    pub(crate) async fn start(env: &RunEnv, roles: &[Role], collector: Option<&str>) -> Result<Self> {
        prepare(env, roles).await?;
        let start = |role: &Role| Running::start(env.settings.clone(), *role, collector);
        Ok(Children(try_join_all(roles.iter().map(start)).await?))
    }

    /// Returns their process ids.
    pub(crate) fn pids(&self) -> Vec<u32> {
        self.0.iter().filter_map(|running| running.child.id()).collect()
    }

    /// Drains all, and waits until they are gone.
    pub(crate) async fn stop(self) -> Result {
        try_join_all(self.0.into_iter().map(Running::stop)).await?;
        Ok(())
    }
}

/// Runs such a process.
pub(crate) async fn run() -> Result {
    let task = std::env::var(TASK).map_err(|_| "this is for the benchmark's own processes")?;
    let Task { role, nats_url, database_url, namespace, telemetry } = serde_json::from_str(&task)?;
    let exporting = if telemetry { Some(Telemetry::start("bench")?) } else { None };
    let settings = Settings {
        namespace,
        provision: false,
        migrate: false,
        collect_gauges: telemetry,
        ..Settings::new(nats_url, database_url)
    };
    let process = Process::start(settings, vec![role.worker()]).await?;
    process.health().until_ready().await;
    println!("{READY}");
    tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new())).await??;
    process.drain().await;
    if let Some(telemetry) = exporting {
        telemetry.stop();
    }
    Ok(())
}
