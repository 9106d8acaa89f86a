//! The start: how soon a worker's process consumes, and how soon `despatch up` accepts an order.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::process::{ExitCode, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use tokio::process::{Child, Command};

use crate::args::Args;
use crate::child::{Role, Running, prepare};
use crate::report::{Report, Spread};
use crate::site::Site;
use crate::{Outcome, gateway};

/// How often a door that is still shut is knocked at.
const KNOCK: Duration = Duration::from_millis(5);

/// How long `despatch up` may take before something is wrong with it.
const PATIENCE: Duration = Duration::from_secs(60);

/// `bench start`.
pub(crate) async fn command(args: &Args) -> Outcome<ExitCode> {
    let mut report = Report::new("start");
    let workers = workers(args).await?;
    report.field("runs", args.runs);
    report.spread("worker_ms", "a worker, ms", Spread::of(workers));
    report.spread("up_ms", "despatch up, ms", Spread::of(up(args).await?));
    report.print(args.json)?;
    Ok(ExitCode::SUCCESS)
}

/// Milliseconds until the real inventory, whose schema and consumers are there, consumes.
async fn workers(args: &Args) -> Outcome<Vec<f64>> {
    let site = Site::start(args).await?;
    let plot = site.plot().await?;
    prepare(&plot, &[Role::Inventory]).await?;
    let mut times = Vec::new();
    for number in 0..=args.runs {
        let began = Instant::now();
        let running = Running::start(plot.settings.clone(), Role::Inventory, None).await?;
        let took = began.elapsed().as_secs_f64() * 1e3;
        running.stop().await?;
        // The first reads the program from the disk.
        if number > 0 {
            eprintln!("start {number}: a worker consumes after {took:.0} ms");
            times.push(took);
        }
    }
    plot.clear().await?;
    site.stop().await?;
    Ok(times)
}

/// Milliseconds until everything in one process, servers and all, has accepted an order. The first start makes the data
/// directory and is not counted.
async fn up(args: &Args) -> Outcome<Vec<f64>> {
    let despatch = std::env::current_exe()?.with_file_name("despatch");
    if !despatch.exists() {
        return Err(format!("{} is to be built first: cargo build --release", despatch.display()).into());
    }
    let dir = tempfile::Builder::new().prefix("despatch-bench-").tempdir()?;
    let mut times = Vec::new();
    for number in 0..=args.runs {
        let address = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?;
        let began = Instant::now();
        let mut child = start(&despatch, dir.path(), address)?;
        // A shop for each knock: what was accepted although its answer was lost would be known at the next.
        for knock in 0.. {
            let Err(error) = gateway::place(address, 1, &format!("start-{number}-{knock}"), 1).await else {
                break;
            };
            if let Some(status) = child.try_wait()? {
                return Err(format!("despatch up has ended with {status}").into());
            }
            if began.elapsed() > PATIENCE {
                return Err(format!("despatch up accepts no order: {error}").into());
            }
            tokio::time::sleep(KNOCK).await;
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

fn start(despatch: &Path, dir: &Path, address: SocketAddr) -> Outcome<Child> {
    let mut command = Command::new(despatch);
    // It is to bring its own servers.
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

async fn stop(mut child: Child) -> Outcome {
    let pid = child.id().and_then(|pid| Pid::from_raw(pid.cast_signed())).ok_or("it is gone already")?;
    kill_process(pid, Signal::TERM)?;
    let status = tokio::time::timeout(PATIENCE, child.wait()).await??;
    if status.success() { Ok(()) } else { Err(format!("despatch up has ended with {status}").into()) }
}
