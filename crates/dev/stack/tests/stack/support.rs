//! Shared by these tests: clients, an owner in a process of its own, and waiting for a condition.

use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use async_nats::{ConnectError, ConnectOptions, ServerAddr, jetstream};
use despatch_stack::{Options, Stack};
use rustix::process::{Pid, test_kill_process};
use tempfile::TempDir;
use tokio_postgres::{Client, NoTls};

const DEADLINE: Duration = Duration::from_secs(60);

/// A stack in a directory of its own. The directory comes first, so that tests bind it longer than the stack.
pub(crate) async fn stack() -> (TempDir, Stack) {
    let dir = tempfile::tempdir().unwrap();
    let stack = start(dir.path()).await;
    (dir, stack)
}

pub(crate) async fn start(dir: &Path) -> Stack {
    Stack::start(quiet(dir)).await.unwrap()
}

pub(crate) fn quiet(dir: &Path) -> Options {
    Options { progress: |_| {}, ..Options::new(dir) }
}

pub(crate) async fn database(stack: &Stack) -> Client {
    connect(stack.database_url()).await
}

pub(crate) async fn connect(url: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

pub(crate) async fn jetstream(stack: &Stack) -> jetstream::Context {
    jetstream_at(stack.nats_url()).await.unwrap()
}

pub(crate) async fn jetstream_at(url: &str) -> Result<jetstream::Context, ConnectError> {
    // The client library ignores a URL's user and password.
    let url: ServerAddr = url.parse().unwrap();
    let (user, password) = (url.username().unwrap().to_owned(), url.password().unwrap().to_owned());
    let options = ConnectOptions::with_user_and_password(user, password);
    Ok(jetstream::new(options.connect(url).await?))
}

/// A process that owns a stack and does nothing else.
pub(crate) struct OwnerProcess {
    pub(crate) child: Child,
    pub(crate) database_url: String,
    /// The process ids of nats-server and the postmaster.
    pub(crate) servers: Vec<u32>,
}

impl OwnerProcess {
    /// Returns when its stack serves.
    pub(crate) fn serving(dir: &Path) -> Self {
        let mut child = Self::command(dir).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut line = || match lines.next() {
            Some(line) => line.unwrap(),
            None => panic!(
                "the owner gave up: {}",
                std::io::read_to_string(child.stderr.take().unwrap()).unwrap()
            ),
        };
        let (_nats_url, database_url) = (line(), line());
        let servers = ["nats", "postgres"].map(|server| server_pid(dir, server).unwrap()).to_vec();
        Self { child, database_url, servers }
    }

    /// Returns the command for such a process, in a process group of its own like a shell's job.
    pub(crate) fn command(dir: &Path) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_despatch-stack"));
        command.arg(dir).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
        command
    }
}

pub(crate) fn server_pid(dir: &Path, server: &str) -> Option<u32> {
    std::fs::read_to_string(pid_file(dir, server)).ok()?.strip_suffix('\n')?.parse().ok()
}

fn pid_file(dir: &Path, server: &str) -> PathBuf {
    dir.join(server).join("server.lock")
}

pub(crate) fn is_alive(pid: u32) -> bool {
    test_kill_process(Pid::from_raw(pid.cast_signed()).unwrap()).is_ok()
}

/// Waits until `condition` holds.
pub(crate) async fn eventually(what: &str, condition: impl Fn() -> bool) {
    let started = Instant::now();
    while !condition() {
        assert!(started.elapsed() < DEADLINE, "{what}: still not after {DEADLINE:?}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
