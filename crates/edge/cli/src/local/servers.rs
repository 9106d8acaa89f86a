//! The private servers of a deployment, and the task that watches them: it restarts one that ends or hangs, and says so in
//! the log and in `servers.json`.

use std::sync::{Arc, Mutex, PoisonError};

use despatch_runtime::doctor::stream_stores;
use despatch_stack::{DataDirLock, Probe, ProbeError, Program, ServerEvent, ServerNews, Stack};
use jiff::Timestamp;
use tokio::task::JoinHandle;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::data_dir::DataDir;
use super::server_state::ServerStates;
use crate::result::Result;

/// Servers that serve, watched until they are stopped.
pub(crate) struct Servers {
    pub(crate) nats_url: String,
    pub(crate) database_url: String,
    watch: JoinHandle<Stack>,
    /// Ends the watch, also when this is dropped. The servers end with the task.
    watching: DropGuard,
}

impl Servers {
    /// Starts both; `namespace` is that of the deployment's stream.
    pub(crate) async fn start(
        lock: DataDirLock,
        options: despatch_stack::Options,
        data_dir: &DataDir,
        namespace: &str,
    ) -> Result<Self> {
        let mut stack = Stack::start_locked(lock, options).await?;
        let (nats_url, database_url) = (stack.nats_url().to_owned(), stack.database_url().to_owned());
        let mut states = ServerStates::default();
        if let Some(aside) = stack.nats_store_set_aside() {
            let server = Program::Nats.to_string();
            tracing::warn!(server, kept_as = %aside.display(), "server store unreadable: it is filled again from the journals");
            states.entry(server).or_default().store_set_aside = Some(aside.to_owned());
        }
        data_dir.keep_servers(&states)?;
        let states = Mutex::new(states);
        let told_to = data_dir.clone();
        let tell = move |event: ServerEvent| {
            log(&event);
            let mut states = states.lock().unwrap_or_else(PoisonError::into_inner);
            note(&mut states, event);
            // A full disk is one of the things that are told here.
            if let Err(error) = told_to.keep_servers(&states) {
                tracing::warn!(%error, "server state not kept");
            }
        };
        let stopping = CancellationToken::new();
        let (stopped, probe) = (stopping.clone(), stream_probe(namespace));
        let watch = tokio::spawn(async move {
            tokio::select! {
                () = stack.watch(probe, tell) => {}
                () = stopped.cancelled() => {}
            }
            stack
        });
        Ok(Servers { nats_url, database_url, watch, watching: stopping.drop_guard() })
    }

    /// Ends both in order.
    pub(crate) async fn stop(self) -> Result {
        drop(self.watching);
        self.watch.await?.stop().await?;
        Ok(())
    }
}

/// Asks whether the deployment's own stream stores a message: after a full disk, each stream fails by itself.
fn stream_probe(namespace: &str) -> Probe {
    let namespace = namespace.to_owned();
    Arc::new(move |url| {
        let namespace = namespace.clone();
        Box::pin(async move { stream_stores(&url, &namespace).await.map_err(ProbeError::Silent) })
    })
}

fn log(event: &ServerEvent) {
    let server = event.program.to_string();
    match &event.news {
        ServerNews::Failed { why } => tracing::warn!(server, why, "server failed: it is restarted"),
        ServerNews::Refuses { why } => tracing::error!(server, why, "server stores nothing"),
        ServerNews::Stores => tracing::warn!(server, "server stores again"),
        ServerNews::NoRoom { dir } => {
            tracing::error!(server, dir = %dir.display(), "server waits for room on its disk");
        }
        ServerNews::NotStarted { error, again_in } => {
            tracing::error!(server, error, ?again_in, "server not restarted");
        }
        ServerNews::Restarted { away, set_aside: None } => tracing::warn!(server, ?away, "server restarted"),
        ServerNews::Restarted { away, set_aside: Some(aside) } => {
            tracing::warn!(
                server,
                ?away,
                kept_as = %aside.display(),
                "server restarted: it could not read its store, which is filled again from the journals"
            );
        }
    }
}

/// Notes the news for the commands that tell it.
fn note(states: &mut ServerStates, ServerEvent { program, news }: ServerEvent) {
    let state = states.entry(program.to_string()).or_default();
    match news {
        ServerNews::Failed { why } => {
            state.fault = Some(format!("{why}; it is restarted"));
            state.last = Some((Timestamp::now(), why));
        }
        ServerNews::Refuses { why } => state.fault = Some(format!("it stores nothing: {why}")),
        ServerNews::Stores => state.fault = None,
        ServerNews::NoRoom { dir } => {
            state.fault = Some(format!("it waits for room on the disk of {}", dir.display()));
        }
        ServerNews::NotStarted { error, again_in } => {
            let first = error.lines().next().unwrap_or_default();
            state.fault = Some(format!("it does not start, and is tried again after {again_in:?}: {first}"));
        }
        ServerNews::Restarted { set_aside, .. } => {
            state.fault = None;
            state.restarts += 1;
            state.store_set_aside = set_aside.or(state.store_set_aside.take());
        }
    }
}
