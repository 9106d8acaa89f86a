//! The real binary as a child process: what it writes, the signals it is sent, how it ends.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use rustix::process::{Pid, Signal, kill_process};

use crate::until::until;

/// A running `despatch`, killed when it is dropped.
pub(crate) struct Despatch {
    child: Child,
    stdout: Lines,
    stderr: Lines,
}

/// How a `despatch` ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) status: ExitStatus,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// The binary, without the configuration of the user who runs the tests.
pub(crate) fn despatch(args: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_despatch"));
    for (name, _) in std::env::vars_os() {
        if name.as_encoded_bytes().starts_with(b"DESPATCH_") {
            command.env_remove(name);
        }
    }
    command.args(args).env("NO_COLOR", "1").env_remove("RUST_LOG");
    command
}

impl Despatch {
    pub(crate) fn start(command: &mut Command) -> Self {
        Despatch::start_with(command, Stdio::piped())
    }

    /// Starts it with another standard error, which is not read.
    pub(crate) fn start_with(command: &mut Command, stderr: impl Into<Stdio>) -> Self {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(stderr);
        let mut child = command.spawn().unwrap();
        let stdout = Lines::of(child.stdout.take().unwrap());
        let stderr = child.stderr.take().map_or_else(|| Lines::of(std::io::empty()), Lines::of);
        Despatch { child, stdout, stderr }
    }

    /// Its process.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Its standard output so far.
    pub(crate) fn stdout(&self) -> String {
        self.stdout.text()
    }

    /// Its standard error so far.
    pub(crate) fn stderr(&self) -> String {
        self.stderr.text()
    }

    /// Whether it has ended by itself.
    pub(crate) fn has_ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    /// `kill -9`.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Asks it to stop, as Kubernetes does.
    pub(crate) fn terminate(&self) {
        kill_process(Pid::from_child(&self.child), Signal::TERM).unwrap();
    }

    /// Waits for its end.
    pub(crate) async fn ended(mut self) -> Ended {
        let status = until("the process ends", async || self.child.try_wait().unwrap()).await;
        Ended { status, stdout: self.stdout.end(), stderr: self.stderr.end() }
    }

    /// Runs a command that ends by itself.
    pub(crate) async fn run(command: &mut Command) -> Ended {
        Despatch::start(command).ended().await
    }
}

impl Drop for Despatch {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("{}{}", self.stdout(), self.stderr());
        }
    }
}

/// The output of a pipe, read as it comes, so that the child never waits for a reader.
struct Lines {
    text: Arc<Mutex<String>>,
    reader: Option<JoinHandle<()>>,
}

impl Lines {
    fn of(pipe: impl Read + Send + 'static) -> Self {
        let text = Arc::<Mutex<String>>::default();
        let written = text.clone();
        let reader = std::thread::spawn(move || {
            for line in BufReader::new(pipe).lines() {
                let mut text = written.lock().unwrap();
                text.push_str(&line.unwrap());
                text.push('\n');
            }
        });
        Lines { text, reader: Some(reader) }
    }

    fn text(&self) -> String {
        self.text.lock().unwrap().clone()
    }

    /// All of it. Only for a child that has ended.
    fn end(&mut self) -> String {
        self.reader.take().unwrap().join().unwrap();
        self.text()
    }
}
