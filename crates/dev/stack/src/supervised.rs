//! A server process that ends when its owner does, even if the owner is killed and can do nothing about it.
//!
//! Each server runs under a small shell (`supervisor.sh`) that waits for the end of a pipe. Only this process holds the
//! pipe's other end: the standard library opens it close-on-exec, so no other child keeps it open.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process, kill_process_group};

use crate::account::Account;
use crate::error::StackError;
use crate::server_dir::ServerDir;

const SUPERVISOR: &str = include_str!("supervisor.sh");
const POLL: Duration = Duration::from_millis(5);
/// How long a server may start without a word. Recovery after a crash comes before that.
const START_DEADLINE: Duration = Duration::from_secs(120);
/// How long a server may take to stop in order; PostgreSQL writes a checkpoint first.
const STOP_DEADLINE: Duration = Duration::from_secs(60);
/// How long a server that was killed may take to be gone.
const KILL_DEADLINE: Duration = Duration::from_secs(10);
/// How long a server may take to stop when a stack is dropped, which blocks a thread.
const DROP_DEADLINE: Duration = Duration::from_secs(5);

/// The command of a server, and the signals that end it.
pub(crate) struct ServerCommand {
    pub(crate) program: PathBuf,
    pub(crate) args: Vec<OsString>,
    /// The working directory; `account` must be able to enter it.
    pub(crate) dir: PathBuf,
    pub(crate) account: Account,
    /// The signal that ends the server in order: a name that `kill -s` knows.
    pub(crate) stop: &'static str,
    /// The signal that ends the server at once, its children included.
    pub(crate) kill: Signal,
}

/// The answer of a server that starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    /// It serves.
    Serves,
    /// It says that it still recovers, which takes as long as it takes.
    Recovers,
    /// Nothing.
    Silence,
}

/// A running [`ServerCommand`] under its supervisor.
pub(crate) struct Supervised {
    server_dir: Arc<ServerDir>,
    supervisor: Child,
    pid: Option<Pid>,
    kill: Signal,
}

impl Supervised {
    /// Starts `server` in `server_dir` and reads its process id. The server need not serve yet.
    pub(crate) async fn spawn(
        server_dir: &Arc<ServerDir>,
        server: ServerCommand,
    ) -> Result<Self, StackError> {
        let shell = Path::new("/bin/sh");
        let mut command = Command::new(shell);
        command
            .args([OsStr::new("-c"), OsStr::new(SUPERVISOR), OsStr::new("despatch-supervisor")])
            .arg(server.stop)
            .arg(&server.program)
            .args(&server.args)
            .current_dir(&server.dir)
            // A server must not depend on its caller's PGPORT, LANG or TZ.
            .env_clear()
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .env("LC_ALL", "C")
            .stdin(Stdio::piped())
            .stdout(server_dir.pid_file()?)
            .stderr(server_dir.new_log()?)
            // Ctrl-C must reach the owner alone, which then ends its servers.
            .process_group(0);
        server.account.apply(&mut command);
        let supervisor = command.spawn().map_err(StackError::io("run", shell))?;
        let mut spawned = Self { server_dir: server_dir.clone(), supervisor, pid: None, kill: server.kill };
        let started = Instant::now();
        loop {
            // Checked before the process id is read, because a server that has exited by now has written its id before.
            let state = spawned.check(started, START_DEADLINE);
            spawned.pid = server_dir.pid().and_then(|pid| Pid::from_raw(pid.cast_signed()));
            if spawned.pid.is_some() {
                return Ok(spawned);
            }
            state?;
            tokio::time::sleep(POLL).await;
        }
    }

    /// Returns the server's own process id, not its supervisor's.
    pub(crate) fn pid(&self) -> Option<u32> {
        self.pid.map(|pid| pid.as_raw_nonzero().get().cast_unsigned())
    }

    /// Calls `probe` until the server serves. Fails if the probe does, or if the server exits or is silent for too long.
    pub(crate) async fn until<P, F>(&mut self, probe: P) -> Result<(), StackError>
    where
        P: Fn() -> F,
        F: Future<Output = Result<Answer, StackError>>,
    {
        self.until_within(START_DEADLINE, probe).await
    }

    async fn until_within<P, F>(&mut self, silence: Duration, probe: P) -> Result<(), StackError>
    where
        P: Fn() -> F,
        F: Future<Output = Result<Answer, StackError>>,
    {
        let mut answered = Instant::now();
        loop {
            match probe().await? {
                Answer::Serves => return Ok(()),
                // A server that is ended while it recovers begins again, so a long recovery would never end.
                Answer::Recovers => answered = Instant::now(),
                Answer::Silence => {}
            }
            self.check(answered, silence)?;
            tokio::time::sleep(POLL).await;
        }
    }

    /// Waits for a program that ends by itself.
    pub(crate) async fn finish(mut self) -> Result<(), StackError> {
        let started = Instant::now();
        loop {
            match self.exited()? {
                Some(status) if status.success() => return Ok(()),
                Some(_) | None => self.check(started, START_DEADLINE)?,
            }
            tokio::time::sleep(POLL).await;
        }
    }

    /// Ends the server in order and waits until it is gone.
    pub(crate) async fn stop(mut self) -> Result<(), StackError> {
        drop(self.supervisor.stdin.take());
        if self.gone_within(STOP_DEADLINE).await? {
            return Ok(());
        }
        // Dropped here, which kills it.
        Err(StackError::Unstoppable { program: self.server_dir.program, pid: self.pid() })
    }

    /// Ends a server that may no longer obey: in order if it does so within `limit`, otherwise at once.
    pub(crate) async fn end(mut self, limit: Duration) -> Result<(), StackError> {
        drop(self.supervisor.stdin.take());
        for (deadline, then) in
            [(limit, Some(self.kill)), (KILL_DEADLINE, Some(Signal::KILL)), (KILL_DEADLINE, None)]
        {
            if self.gone_within(deadline).await? {
                return Ok(());
            }
            // The process may be gone by now, and then there is nothing to do.
            let _ = self.pid.zip(then).map(|(pid, signal)| kill_process(pid, signal));
        }
        Err(StackError::Unstoppable { program: self.server_dir.program, pid: self.pid() })
    }

    /// Returns how the server ended; `None` while it runs.
    pub(crate) fn ended(&mut self) -> Result<Option<ExitStatus>, StackError> {
        self.exited()
    }

    async fn gone_within(&mut self, limit: Duration) -> Result<bool, StackError> {
        let started = Instant::now();
        while self.exited()?.is_none() {
            if started.elapsed() > limit {
                return Ok(false);
            }
            tokio::time::sleep(POLL).await;
        }
        Ok(true)
    }

    /// Fails if the server has exited, or has said nothing since `answered` for too long.
    fn check(&mut self, answered: Instant, silence: Duration) -> Result<(), StackError> {
        let program = self.server_dir.program;
        if let Some(status) = self.exited()? {
            let (log, tail) = (self.server_dir.log_path(), self.server_dir.log_tail());
            return Err(StackError::Exited { program, status, log, tail });
        }
        if answered.elapsed() > silence {
            let (log, tail) = (self.server_dir.log_path(), self.server_dir.log_tail());
            return Err(StackError::NotReady { program, waited: silence, log, tail });
        }
        Ok(())
    }

    fn exited(&mut self) -> Result<Option<ExitStatus>, StackError> {
        self.supervisor.try_wait().map_err(StackError::io("wait for", Path::new("/bin/sh")))
    }
}

impl Drop for Supervised {
    fn drop(&mut self) {
        drop(self.supervisor.stdin.take());
        let started = Instant::now();
        while matches!(self.supervisor.try_wait(), Ok(None)) {
            if started.elapsed() > DROP_DEADLINE {
                // The process may be gone by now, and then there is nothing to do.
                let _ = self.pid.map(|pid| kill_process(pid, self.kill));
                let _ = kill_process_group(Pid::from_child(&self.supervisor), Signal::TERM);
                let _ = self.supervisor.wait();
                return;
            }
            std::thread::sleep(POLL);
        }
    }
}

/// Sends SIGKILL to processes. One that has ended by itself is as good as killed.
pub(crate) fn kill_all(pids: &[u32]) -> io::Result<()> {
    for pid in pids.iter().filter_map(|pid| Pid::from_raw(pid.cast_signed())) {
        match kill_process(pid, Signal::KILL) {
            Ok(()) | Err(rustix::io::Errno::SRCH) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Program;

    async fn sleeper(dir: &Path) -> Supervised {
        let server_dir = ServerDir::enter(Program::Postgres, dir.to_owned(), |_| {}).await.unwrap();
        let command = ServerCommand {
            program: "/bin/sleep".into(),
            args: vec!["600".into()],
            dir: dir.to_owned(),
            account: Account::Own,
            stop: "TERM",
            kill: Signal::KILL,
        };
        Supervised::spawn(&Arc::new(server_dir), command).await.unwrap()
    }

    #[tokio::test]
    async fn a_server_that_recovers_is_given_the_time_that_it_needs() {
        let dir = tempfile::tempdir().unwrap();
        let mut server = sleeper(dir.path()).await;
        let (silence, lasts) = (Duration::from_secs(1), Duration::from_millis(1500));
        let started = Instant::now();
        let recovers = async || Ok(if started.elapsed() > lasts { Answer::Serves } else { Answer::Recovers });
        server.until_within(silence, recovers).await.unwrap();
        let error = server.until_within(silence, async || Ok(Answer::Silence)).await.unwrap_err();
        assert!(matches!(error, StackError::NotReady { .. }), "{error}");
    }
}
