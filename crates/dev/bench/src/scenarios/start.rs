//! The start: the time until a worker's process consumes, and until `despatch up` accepts an order.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::process::{ExitCode, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use tokio::process::{Child, Command};

use crate::load::run_env::Servers;
use crate::load::worker_process::{Role, Running, prepare};
use crate::measure::report::Report;
use crate::measure::spread::Spread;
use crate::options::Options;
use crate::result::Result;
use crate::scenarios::gateway;

/// Interval at which an order is tried while the gateway does not listen yet.
const RETRY_INTERVAL: Duration = Duration::from_millis(5);

/// How long `despatch up` may take.
const START_TIMEOUT: Duration = Duration::from_secs(60);

/// `bench start`.
pub(crate) async fn command(options: &Options) -> Result<ExitCode> {
    let mut report = Report::new("start");
    let workers = workers(options).await?;
    report.field("runs", options.runs);
    report.spread("worker_ms", "a worker, ms", Spread::of(workers));
    report.spread("up_ms", "despatch up, ms", Spread::of(up(options).await?));
    report.print(options.json)?;
    Ok(ExitCode::SUCCESS)
}

/// Returns the milliseconds until the real inventory, whose schema and consumers exist, consumes.
async fn workers(options: &Options) -> Result<Vec<f64>> {
    let servers = Servers::start(options).await?;
    let env = servers.run_env().await?;
    prepare(&env, &[Role::Inventory]).await?;
    let mut times = Vec::new();
    for number in 0..=options.runs {
        let began = Instant::now();
        let running = Running::start(env.settings.clone(), Role::Inventory, None).await?;
        let took = began.elapsed().as_secs_f64() * 1e3;
        running.stop().await?;
        // The first start reads the program from the disk.
        if number > 0 {
            eprintln!("start {number}: a worker consumes after {took:.0} ms");
            times.push(took);
        }
    }
    env.clear().await?;
    servers.stop().await?;
    Ok(times)
}

/// Returns the milliseconds until one process with everything, servers included, has accepted an order. The first start
/// creates the data directory and is not counted.
async fn up(options: &Options) -> Result<Vec<f64>> {
    let despatch = std::env::current_exe()?.with_file_name("despatch");
    if !despatch.exists() {
        return Err(format!(
            "expected {}, found nothing; build it first: cargo build --release",
            despatch.display()
        )
        .into());
    }
    let dir = tempfile::Builder::new().prefix("despatch-bench-").tempdir()?;
    let mut times = Vec::new();
    for number in 0..=options.runs {
        let address = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?;
        let began = Instant::now();
        let mut child = start(&despatch, dir.path(), address)?;
        // Each try uses another shop. Otherwise an order that was accepted although its answer was lost would be a
        // known one at the next try.
        for attempt in 0.. {
            let Err(error) = gateway::place(address, 1, &format!("start-{number}-{attempt}"), 1).await else {
                break;
            };
            if let Some(status) = child.try_wait()? {
                return Err(format!("despatch up has ended with {status}").into());
            }
            if began.elapsed() > START_TIMEOUT {
                return Err(format!("despatch up accepts no order: {error}").into());
            }
            tokio::time::sleep(RETRY_INTERVAL).await;
        }
        let took = began.elapsed().as_secs_f64() * 1e3;
        stop(child).await?;
        if number > 0 {
            eprintln!("start {number}: despatch up accepts an order after {took:.0} ms");
            times.push(took);
        }
    }
    Ok(times)
}

fn start(despatch: &Path, dir: &Path, address: SocketAddr) -> Result<Child> {
    let mut command = Command::new(despatch);
    // It must use servers of its own.
    for (name, _) in std::env::vars_os() {
        if name.as_encoded_bytes().starts_with(b"DESPATCH_") {
            command.env_remove(name);
        }
    }
    command.arg("up").arg("--data-dir").arg(dir).stdin(Stdio::null());
    command.stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
    command.env("DESPATCH_GATEWAY_LISTEN", address.to_string());
    command.env("DESPATCH_GATEWAY_API_KEYS", gateway::API_KEY);
    Ok(command.spawn()?)
}

async fn stop(mut child: Child) -> Result {
    let pid = child.id().and_then(|pid| Pid::from_raw(pid.cast_signed())).ok_or("it is gone already")?;
    kill_process(pid, Signal::TERM)?;
    let status = tokio::time::timeout(START_TIMEOUT, child.wait()).await??;
    if status.success() { Ok(()) } else { Err(format!("despatch up has ended with {status}").into()) }
}
