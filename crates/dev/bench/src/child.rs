//! Workers in processes of their own: this same binary, run again.
//!
//! Each ends when the pipe on its standard input does, which the benchmark alone holds: so none outlives it, however it
//! ends.

use std::io::Read as _;
use std::process::Stdio;

use despatch_runtime::{Process, Settings, Worker, migrate_all, provision_all};
use despatch_telemetry::Telemetry;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, ChildStdin, Command};

use crate::site::Plot;
use crate::{Outcome, steps};

/// Which a process is told what to run by.
const TASK: &str = "DESPATCH_BENCH_TASK";

/// What a process says when it consumes.
const READY: &str = "ready";

/// A worker that can be run in a process of its own.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) enum Role {
    /// A step of the flow.
    Step(usize),
    /// The real `inventory`.
    Inventory,
}

impl Role {
    /// The worker.
    pub(crate) fn worker(self) -> Worker {
        match self {
            Role::Step(step) => steps::workers(false).swap_remove(step),
            // Nothing lapses within a benchmark.
            Role::Inventory => {
                despatch_inventory::worker(&despatch_inventory::Config { reservation_seconds: 3600 })
            }
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

/// Processes that consume.
pub(crate) struct Children(Vec<(Child, ChildStdin)>);

impl Children {
    /// Prepares the schemas and consumers, starts a process for each role, and returns when all consume.
    /// With a collector they send it what they see.
    pub(crate) async fn start(plot: &Plot, roles: &[Role], collector: Option<&str>) -> Outcome<Self> {
        let workers: Vec<Worker> = roles.iter().map(|role| role.worker()).collect();
        migrate_all(&plot.settings, &workers).await?;
        provision_all(&plot.settings, &workers).await?;
        let mut children = Vec::new();
        let mut says = Vec::new();
        for role in roles {
            let Settings { nats_url, database_url, namespace, .. } = plot.settings.clone();
            let task =
                Task { role: *role, nats_url, database_url, namespace, telemetry: collector.is_some() };
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
            says.push(BufReader::new(stdout.ok_or("no pipe")?).lines());
            children.push((child, stdin.ok_or("no pipe")?));
        }
        for says in &mut says {
            if says.next_line().await?.as_deref() != Some(READY) {
                return Err("a worker's process did not start".into());
            }
        }
        Ok(Children(children))
    }

    /// Their process ids.
    pub(crate) fn pids(&self) -> Vec<u32> {
        self.0.iter().filter_map(|(child, _)| child.id()).collect()
    }

    /// Lets them finish what they hold, and waits until they are gone.
    pub(crate) async fn stop(self) -> Outcome {
        let mut left = Vec::new();
        for (child, stdin) in self.0 {
            drop(stdin);
            left.push(child);
        }
        for mut child in left {
            let status = child.wait().await?;
            if !status.success() {
                return Err(format!("a worker's process has ended with {status}").into());
            }
        }
        Ok(())
    }
}

/// What such a process does.
pub(crate) async fn run() -> Outcome {
    let task = std::env::var(TASK).map_err(|_| "this is for the benchmark's own processes")?;
    let Task { role, nats_url, database_url, namespace, telemetry } = serde_json::from_str(&task)?;
    let seen = if telemetry { Some(Telemetry::start("bench")?) } else { None };
    let settings = Settings {
        namespace,
        provision: false,
        migrate: false,
        survey: telemetry,
        ..Settings::new(nats_url, database_url)
    };
    let process = Process::start(settings, vec![role.worker()]).await?;
    process.health().ready().await;
    println!("{READY}");
    tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new())).await??;
    process.drain().await;
    if let Some(telemetry) = seen {
        telemetry.stop();
    }
    Ok(())
}
