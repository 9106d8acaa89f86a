//! Injects faults into a deployment, and undoes lasting ones when their time is over.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Instant;

use async_nats::HeaderMap;
use async_nats::jetstream::stream::DiscardPolicy;
use futures_util::StreamExt;
use rustix::process::{Pid, Signal, kill_process};

use crate::deployment::{Deployment, STREAM};
use crate::fault::{Fault, Server};
use crate::fleet::faketime;
use crate::result::Result;
use crate::stream;
use despatch_scenario::Rng;
use despatch_testkit::{Condition, Direction};

/// Whether a fault was injected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Injected {
    /// It was done.
    Done,
    /// It could not be injected, for this reason.
    Skipped(&'static str),
    /// Its target is not there at this moment, for this reason.
    NotYet(&'static str),
}

/// The remedy of a lasting fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Remedy {
    Start(usize),
    Restart(usize),
    Thaw(usize),
    Open(Server),
    Restore(Server),
    /// The rollback, which is the fault itself.
    Rewind,
}

/// Active faults.
#[derive(Debug, Default)]
pub(crate) struct ActiveFaults(Vec<(Instant, Remedy)>);

impl ActiveFaults {
    /// Returns when the next of them ends.
    pub(crate) fn next(&self) -> Option<Instant> {
        self.0.iter().map(|(at, _)| *at).min()
    }

    /// Undoes those whose time is over.
    pub(crate) async fn heal_due(&mut self, deployment: &mut Deployment) -> Result {
        let now = Instant::now();
        let (due, rest) = std::mem::take(&mut self.0).into_iter().partition(|(at, _)| *at <= now);
        self.0 = rest;
        for (_, remedy) in due {
            heal(deployment, remedy).await?;
        }
        Ok(())
    }

    /// Undoes all of them.
    pub(crate) async fn heal_all(&mut self, deployment: &mut Deployment) -> Result {
        for (_, remedy) in std::mem::take(&mut self.0) {
            heal(deployment, remedy).await?;
        }
        Ok(())
    }

    fn add(&mut self, at: Instant, remedy: Remedy) {
        // If two faults have the same remedy, the longer one counts.
        self.0.retain(|(before, other)| *other != remedy || *before > at);
        if !self.0.iter().any(|(_, other)| *other == remedy) {
            self.0.push((at, remedy));
        }
    }
}

/// Injects a fault.
pub(crate) async fn inject(
    deployment: &mut Deployment,
    active: &mut ActiveFaults,
    fault: &Fault,
) -> Result<Injected> {
    let now = Instant::now();
    match fault {
        Fault::KillWorker { process, down } => {
            deployment.fleet.kill(*process)?;
            active.add(now + *down, Remedy::Start(*process));
        }
        Fault::FreezeWorker { process, lasts } => {
            deployment.fleet.freeze(*process)?;
            active.add(now + *lasts, Remedy::Thaw(*process));
        }
        Fault::MoveClock { process, hours, lasts } => {
            if faketime().is_none() {
                return Ok(Injected::Skipped("libfaketime is not installed"));
            }
            deployment.fleet.kill(*process)?;
            deployment.fleet.start(*process, *hours)?;
            active.add(now + *lasts, Remedy::Restart(*process));
        }
        Fault::Kill { server, down } => {
            kill(deployment, *server)?;
            tokio::time::sleep(*down).await;
            restart(deployment, *server).await?;
        }
        Fault::Cut { server, lasts } => {
            deployment.proxy(*server).set(Condition::Closed);
            deployment.proxy(*server).cut();
            active.add(now + *lasts, Remedy::Open(*server));
        }
        Fault::Delay { server, by, lasts } => {
            deployment.proxy(*server).set(Condition::Late(*by));
            active.add(now + *lasts, Remedy::Open(*server));
        }
        Fault::Stall { server, lasts } => {
            deployment.proxy(*server).set(Condition::Stalled);
            active.add(now + *lasts, Remedy::Open(*server));
        }
        Fault::HalfClose { server, towards_server } => {
            let direction = if *towards_server { Direction::ToServer } else { Direction::ToClient };
            deployment.proxy(*server).half_close(direction);
        }
        Fault::DeleteConsumer { pick } => return delete_consumer(deployment, *pick).await,
        Fault::RepeatMessages { count, order } => return repeat(deployment, *count, *order).await,
        Fault::Fill { server: Server::Nats, lasts } => {
            let outcome = fill_stream(deployment).await?;
            if outcome == Injected::Done {
                active.add(now + *lasts, Remedy::Restore(Server::Nats));
            }
            return Ok(outcome);
        }
        Fault::Fill { server: Server::Postgres, lasts } => {
            let outcome = fill_postgres(deployment)?;
            if outcome == Injected::Done {
                active.add(now + *lasts, Remedy::Restore(Server::Postgres));
            }
            return Ok(outcome);
        }
        Fault::DeleteStream => {
            let jetstream = deployment.jetstream().await?;
            if jetstream.delete_stream(STREAM).await.is_err() {
                return Ok(Injected::NotYet("there is no stream"));
            }
        }
        Fault::WipeNats { down } => {
            kill(deployment, Server::Nats)?;
            tokio::time::sleep(*down).await;
            deployment.stack.restart_nats_meanwhile(wipe).await?;
            deployment.follow(Server::Nats)?;
        }
        Fault::RewindNats { by } => {
            kill(deployment, Server::Nats)?;
            deployment.stack.restart_nats_meanwhile(|store| copy(store, &aside(store))).await?;
            deployment.follow(Server::Nats)?;
            active.add(now + *by, Remedy::Rewind);
        }
    }
    Ok(Injected::Done)
}

async fn heal(deployment: &mut Deployment, remedy: Remedy) -> Result {
    match remedy {
        Remedy::Start(process) => deployment.fleet.start(process, 0),
        Remedy::Restart(process) => {
            deployment.fleet.kill(process)?;
            deployment.fleet.start(process, 0)
        }
        Remedy::Thaw(process) => deployment.fleet.thaw(process),
        Remedy::Open(server) => {
            deployment.proxy(server).set(Condition::Open);
            Ok(())
        }
        Remedy::Rewind => {
            kill(deployment, Server::Nats)?;
            let back = |store: &Path| {
                wipe(store)?;
                // Of two rollbacks at once, the first has done it.
                if aside(store).exists() { std::fs::rename(aside(store), store) } else { Ok(()) }
            };
            deployment.stack.restart_nats_meanwhile(back).await?;
            deployment.follow(Server::Nats)
        }
        Remedy::Restore(Server::Nats) => empty_stream(deployment).await,
        Remedy::Restore(Server::Postgres) => {
            // New processes have new limits.
            kill(deployment, Server::Postgres)?;
            restart(deployment, Server::Postgres).await
        }
    }
}

/// Kills a server with SIGKILL. A server that has ended by itself is as good as killed.
fn kill(deployment: &Deployment, server: Server) -> Result {
    let pid = match server {
        Server::Nats => deployment.stack.nats_pid(),
        Server::Postgres => deployment.stack.postgres_pid(),
    };
    if let Some(pid) = pid.and_then(|pid| Pid::from_raw(pid.cast_signed())) {
        match kill_process(pid, Signal::KILL) {
            Ok(()) | Err(rustix::io::Errno::SRCH) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// Removes a server's store.
fn wipe(store: &Path) -> io::Result<()> {
    match std::fs::remove_dir_all(store) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Returns where a server's store is kept for a while.
fn aside(store: &Path) -> PathBuf {
    store.with_extension("aside")
}

/// Copies a directory with all of its contents, in place of an existing one.
fn copy(from: &Path, to: &Path) -> io::Result<()> {
    wipe(to)?;
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let place = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &place)?;
        } else {
            std::fs::copy(entry.path(), place)?;
        }
    }
    Ok(())
}

async fn restart(deployment: &mut Deployment, server: Server) -> Result {
    match server {
        Server::Nats => deployment.stack.restart_nats().await?,
        Server::Postgres => deployment.stack.restart_postgres().await?,
    }
    deployment.follow(server)
}

async fn delete_consumer(deployment: &Deployment, pick: usize) -> Result<Injected> {
    let jetstream = deployment.jetstream().await?;
    let Ok(stream) = jetstream.get_stream(STREAM).await else {
        return Ok(Injected::NotYet("there is no stream"));
    };
    let mut names = Vec::new();
    let mut listed = stream.consumer_names();
    while let Some(name) = listed.next().await {
        names.push(name?);
    }
    names.sort_unstable();
    if names.is_empty() {
        return Ok(Injected::NotYet("there is no consumer"));
    }
    stream.delete_consumer(&names[pick % names.len()]).await?;
    Ok(Injected::Done)
}

/// Publishes messages of the stream again, reordered. Without a message id the broker's dedupe does not know them.
async fn repeat(deployment: &Deployment, count: usize, order: u64) -> Result<Injected> {
    let jetstream = deployment.jetstream().await?;
    let Ok(mut messages) = stream::read(&jetstream).await else {
        return Ok(Injected::NotYet("there is no stream"));
    };
    Rng::new(order).shuffle(&mut messages);
    for message in messages.into_iter().take(count) {
        let mut headers = HeaderMap::new();
        for (name, values) in message.headers.iter() {
            if !AsRef::<str>::as_ref(name).eq_ignore_ascii_case("Nats-Msg-Id") {
                for value in values {
                    headers.append(name.clone(), value.clone());
                }
            }
        }
        // A full stream accepts none.
        if jetstream.publish_with_headers(message.subject, headers, message.payload).await?.await.is_err() {
            break;
        }
    }
    Ok(Injected::Done)
}

/// Limits the stream to its current size.
async fn fill_stream(deployment: &Deployment) -> Result<Injected> {
    let jetstream = deployment.jetstream().await?;
    let Ok(mut stream) = jetstream.get_stream(STREAM).await else {
        return Ok(Injected::NotYet("there is no stream"));
    };
    let info = stream.info().await?;
    let mut config = info.config.clone();
    config.max_bytes = i64::try_from(info.state.bytes)?.max(1);
    config.discard = DiscardPolicy::New;
    jetstream.update_stream(config).await?;
    Ok(Injected::Done)
}

async fn empty_stream(deployment: &Deployment) -> Result {
    let jetstream = deployment.jetstream().await?;
    // A stream that was deleted meanwhile comes back without a limit.
    if let Ok(mut stream) = jetstream.get_stream(STREAM).await {
        let mut config = stream.info().await?.config.clone();
        config.max_bytes = -1;
        config.discard = DiscardPolicy::Old;
        jetstream.update_stream(config).await?;
    }
    Ok(())
}

/// Keeps every process of PostgreSQL from writing to any file. Its next write of the log fails as on a full disk.
#[cfg(target_os = "linux")]
fn fill_postgres(deployment: &Deployment) -> Result<Injected> {
    use rustix::io::Errno;
    use rustix::process::{Resource, Rlimit, prlimit};

    let Some(postmaster) = deployment.stack.postgres_pid() else {
        return Ok(Injected::NotYet("there is no PostgreSQL"));
    };
    let limit = |pid: &u32| {
        let pid = Pid::from_raw(pid.cast_signed());
        match prlimit(pid, Resource::Fsize, Rlimit { current: Some(0), maximum: None }) {
            Ok(_) | Err(Errno::SRCH) => Ok(Injected::Done),
            Err(Errno::PERM) => Ok(Injected::Skipped("PostgreSQL runs as another account")),
            Err(error) => Err(error),
        }
    };
    // Processes that the postmaster starts from now on inherit its limit.
    let outcome = limit(&postmaster)?;
    let children = std::fs::read_to_string(format!("/proc/{postmaster}/task/{postmaster}/children"));
    let children: Vec<u32> =
        children.unwrap_or_default().split_whitespace().filter_map(|pid| pid.parse().ok()).collect();
    for child in &children {
        limit(child)?;
    }
    Ok(outcome)
}

#[cfg(not(target_os = "linux"))]
fn fill_postgres(_: &Deployment) -> Result<Injected> {
    Ok(Injected::Skipped("only Linux can limit the files of a running process"))
}
