//! Workers of despatch in processes of their own: this same binary under its other name, with the command line and the
//! configuration of a deployment. So the benchmark measures what runs there.
//!
//! Each ends when the pipe on its standard input does, which only the benchmark holds. So none outlives it.

use std::io::Read as _;
use std::path::Path;
use std::process::{ExitCode, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tokio::process::{Child, ChildStdin, Command};

use crate::result::Result;

/// The first argument that makes this process a `despatch`.
pub(crate) const DESPATCH: &str = "despatch";

/// How long a process may take to end after SIGTERM.
const STOP_TIMEOUT: Duration = Duration::from_secs(60);

/// Runs this process as a `despatch`.
pub(crate) fn run() -> ExitCode {
    std::thread::spawn(|| {
        // Nothing is ever written there, so this waits for the end.
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        std::process::exit(1);
    });
    despatch::main(std::env::args_os().skip(1))
}

/// A process that runs workers.
pub(crate) struct DespatchProcess {
    /// The workers that it runs, or the only one.
    pub(crate) name: String,
    child: Child,
    // Not the child's own: waiting for a child closes its input, so it would end before it has drained.
    _stdin: ChildStdin,
}

impl DespatchProcess {
    /// Starts these workers with a configuration file. Ignores the environment, except for `RUST_LOG`.
    pub(crate) fn start(name: &str, workers: &[&str], config: &Path, database_url: &str) -> Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        for (variable, _) in std::env::vars_os() {
            if variable.as_encoded_bytes().starts_with(b"DESPATCH_") {
                command.env_remove(variable);
            }
        }
        command.arg(DESPATCH).arg("--config").arg(config).arg("run").args(workers);
        command.env("DESPATCH_DATABASE_URL", database_url);
        if std::env::var_os("RUST_LOG").is_none() {
            command.env("RUST_LOG", "error");
        }
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::null()).kill_on_drop(true).spawn()?;
        let stdin = child.stdin.take().ok_or("no pipe")?;
        Ok(DespatchProcess { name: name.to_owned(), child, _stdin: stdin })
    }

    /// Returns its process id, while it runs.
    pub(crate) fn pid(&self) -> Result<u32> {
        self.child.id().ok_or_else(|| format!("{} has ended", self.name).into())
    }

    /// Fails if it has ended.
    pub(crate) fn check(&mut self) -> Result {
        match self.child.try_wait()? {
            None => Ok(()),
            Some(status) => Err(format!("{} has ended with {status}", self.name).into()),
        }
    }

    /// Drains it, and waits until it is gone.
    pub(crate) async fn stop(mut self) -> Result {
        let pid = Pid::from_raw(self.pid()?.cast_signed()).ok_or("a process without an id")?;
        kill_process(pid, Signal::TERM)?;
        let status = tokio::time::timeout(STOP_TIMEOUT, self.child.wait()).await??;
        if status.success() { Ok(()) } else { Err(format!("{} has ended with {status}", self.name).into()) }
    }
}
