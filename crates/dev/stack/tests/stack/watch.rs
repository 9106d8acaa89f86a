//! A watched server that ends or hangs serves again, at the same address.

use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_nats::jetstream::stream::Config;
use despatch_stack::{Probe, ProbeError, Program, ServerEvent, ServerNews};
use rustix::process::{Pid, Resource, Rlimit, Signal, getrlimit, kill_process, prlimit};
use tempfile::TempDir;
use tokio::task::JoinHandle;

use crate::support::{jetstream, jetstream_at, stack};

/// How long a server may be away on a busy machine.
const DEADLINE: Duration = Duration::from_secs(120);

/// A stack that is watched, and what is told of it.
struct Watched {
    _dir: TempDir,
    nats_url: String,
    nats: u32,
    postgres: u32,
    told: Receiver<ServerEvent>,
    watch: JoinHandle<()>,
}

impl Watched {
    /// Its NATS has a stream, to which the probe publishes.
    async fn start() -> Self {
        let (dir, mut stack) = stack().await;
        let config = Config { name: "KEPT".into(), subjects: vec!["kept".into()], ..Default::default() };
        jetstream(&stack).await.create_stream(config).await.unwrap();
        let (nats_url, nats, postgres) =
            (stack.nats_url().to_owned(), stack.nats_pid().unwrap(), stack.postgres_pid().unwrap());
        let (tell, told) = channel();
        let tell = Mutex::new(tell);
        let watch = tokio::spawn(async move {
            stack.watch(probe(), |event| tell.lock().unwrap().send(event).unwrap()).await;
        });
        Watched { _dir: dir, nats_url, nats, postgres, told, watch }
    }

    /// Returns why the server was restarted, once it serves again.
    fn restarted(&self, program: Program) -> String {
        let mut cause = None;
        loop {
            let event = self.told.recv_timeout(DEADLINE).expect("news of the server");
            assert_eq!(event.program, program, "{event:?}");
            match event.news {
                ServerNews::Failed { why } => cause = Some(why),
                ServerNews::Restarted { set_aside, .. } => {
                    assert_eq!(set_aside, None);
                    return cause.expect("it failed before");
                }
                _ => {}
            }
        }
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

async fn stores(url: &str) {
    let jetstream = jetstream_at(url).await.expect("it serves where it served");
    jetstream.publish("kept", "hello".into()).await.unwrap().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_servers_come_back_under_their_urls() {
    let watched = Watched::start().await;
    signal(watched.nats, Signal::KILL);
    assert_eq!(watched.restarted(Program::Nats), "it ended (signal 9)");
    stores(&watched.nats_url).await;
    signal(watched.postgres, Signal::KILL);
    assert_eq!(watched.restarted(Program::Postgres), "it ended (signal 9)");
    watched.ends();
}

#[tokio::test(flavor = "multi_thread")]
async fn servers_that_hang_are_restarted() {
    let watched = Watched::start().await;
    signal(watched.nats, Signal::STOP);
    assert!(watched.restarted(Program::Nats).starts_with("it stores nothing: "));
    stores(&watched.nats_url).await;
    signal(watched.postgres, Signal::STOP);
    assert!(watched.restarted(Program::Postgres).starts_with("it stores nothing: "));
    watched.ends();
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn a_nats_whose_disk_was_full_is_restarted() {
    let watched = Watched::start().await;
    let nats = Pid::from_raw(watched.nats.cast_signed());
    // To a process, a file that may not grow is a disk that is full.
    let full = Rlimit { current: Some(0), ..getrlimit(Resource::Fsize) };
    let before = prlimit(nats, Resource::Fsize, full).unwrap();
    let jetstream = jetstream_at(&watched.nats_url).await.unwrap();
    let publish = async || jetstream.publish("kept", "too much".into()).await.unwrap().await;
    publish().await.unwrap_err();
    // Now there is room, and still the stream takes nothing.
    prlimit(nats, Resource::Fsize, before).unwrap();
    publish().await.unwrap_err();
    assert!(watched.restarted(Program::Nats).starts_with("it stores nothing: "));
    stores(&watched.nats_url).await;
    watched.ends();
}
