//! A watched server that ends or hangs serves again, at the same address.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_nats::jetstream::stream::Config;
use despatch_stack::{Probe, ProbeError, Program, ServerEvent, ServerNews};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use tokio::task::JoinHandle;

use crate::support::{connect, jetstream, jetstream_at, stack};

/// How long a server may be away on a busy machine.
const DEADLINE: Duration = Duration::from_secs(120);

/// A stack that is watched, and what is told of it.
struct Watched {
    _dir: TempDir,
    nats_url: String,
    database_url: String,
    servers: [u32; 2],
    told: Receiver<ServerEvent>,
    watch: JoinHandle<()>,
}

impl Watched {
    /// Its NATS has a stream, to which the probe publishes.
    async fn start() -> Self {
        let (dir, mut stack) = stack().await;
        let config = Config { name: "KEPT".into(), subjects: vec!["kept".into()], ..Default::default() };
        jetstream(&stack).await.create_stream(config).await.unwrap();
        let (nats_url, database_url) = (stack.nats_url().to_owned(), stack.database_url().to_owned());
        let servers = [stack.nats_pid().unwrap(), stack.postgres_pid().unwrap()];
        let (tell, told) = channel();
        let tell = Mutex::new(tell);
        let watch = tokio::spawn(async move {
            stack.watch(probe(), |event| tell.lock().unwrap().send(event).unwrap()).await;
        });
        Watched { _dir: dir, nats_url, database_url, servers, told, watch }
    }

    /// Returns why each server was restarted, once both serve again.
    fn restarted(&self) -> BTreeMap<&'static str, String> {
        let (mut causes, mut serving) = (BTreeMap::new(), BTreeSet::new());
        // On a busy machine a server that was restarted may be too slow for the next look, and is restarted again.
        while serving.len() < 2 {
            let ServerEvent { program, news } =
                self.told.recv_timeout(DEADLINE).expect("news of the servers");
            let name = if program == Program::Nats { "nats" } else { "postgres" };
            match news {
                ServerNews::Failed { why } => {
                    serving.remove(name);
                    causes.entry(name).or_insert(why);
                }
                ServerNews::Restarted { set_aside, .. } => {
                    assert_eq!(set_aside, None);
                    serving.insert(name);
                }
                _ => {}
            }
        }
        causes
    }

    fn ends(self) {
        self.watch.abort();
    }
}

/// Publishes a message that has to be stored.
fn probe() -> Probe {
    Arc::new(|url| {
        Box::pin(async move {
            let silent = |error: &dyn std::fmt::Display| ProbeError::Silent(error.to_string());
            let jetstream = jetstream_at(&url).await.map_err(|error| silent(&error))?;
            let stored = jetstream.publish("kept", "probe".into()).await.map_err(|error| silent(&error))?;
            stored.await.map(|_| ()).map_err(|error| silent(&error))
        })
    })
}

fn signal(pid: u32, signal: Signal) {
    kill_process(Pid::from_raw(pid.cast_signed()).unwrap(), signal).unwrap();
}

/// Whether both servers serve where they did before.
async fn serve(watched: &Watched) {
    let jetstream = jetstream_at(&watched.nats_url).await.unwrap();
    jetstream.publish("kept", "hello".into()).await.unwrap().await.unwrap();
    connect(&watched.database_url).await.batch_execute("select 1").await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_servers_come_back_under_their_urls() {
    let watched = Watched::start().await;
    for pid in watched.servers {
        signal(pid, Signal::KILL);
    }
    let killed = "it ended (signal 9)".to_owned();
    assert_eq!(watched.restarted(), BTreeMap::from([("nats", killed.clone()), ("postgres", killed)]));
    serve(&watched).await;
    watched.ends();
}

#[tokio::test(flavor = "multi_thread")]
async fn servers_that_hang_are_restarted() {
    let watched = Watched::start().await;
    for pid in watched.servers {
        signal(pid, Signal::STOP);
    }
    let causes = watched.restarted();
    assert!(causes.values().all(|why| why.starts_with("it stores nothing: ")), "{causes:?}");
    serve(&watched).await;
    watched.ends();
}
