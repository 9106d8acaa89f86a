//! A server's directory in a data directory, its log, and a lock that lasts as long as any of its processes.
//!
//! An owner that is killed releases its own lock at once, while its servers take a moment to end. The next owner waits
//! here until they have, so that it never meets a port, a data file or a `postmaster.pid` still in use.

use std::fs::{self, File, TryLockError};
use std::io::Seek;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::error::{Program, StackError};
use crate::private;

/// Longest wait for an earlier server: more than a fast shutdown's checkpoint takes on a slow disk.
const EXIT_TIMEOUT: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(5);
const LOG_TAIL_LINES: usize = 20;

pub(crate) struct ServerDir {
    pub(crate) program: Program,
    pub(crate) dir: PathBuf,
    lock: File,
}

impl ServerDir {
    /// Creates `dir` if necessary and waits until no server of an earlier owner runs in it.
    pub(crate) async fn enter(
        program: Program,
        dir: PathBuf,
        progress: fn(&str),
    ) -> Result<Self, StackError> {
        private::create_dir(&dir).map_err(StackError::io("create", &dir))?;
        let path = dir.join("server.lock");
        let lock = private::file()
            .truncate(false)
            .read(true)
            .write(true)
            .open(&path)
            .map_err(StackError::io("open", &path))?;
        let started = Instant::now();
        let mut reported = false;
        loop {
            match lock.try_lock() {
                Ok(()) => break,
                Err(TryLockError::WouldBlock) if started.elapsed() < EXIT_TIMEOUT => {}
                Err(TryLockError::WouldBlock) => {
                    return Err(StackError::StillRunning { program, pid: read_pid(&path) });
                }
                Err(TryLockError::Error(source)) => return Err(StackError::io("lock", &path)(source)),
            }
            if !reported {
                progress(&format!("waiting for an earlier {program} in {} to end", dir.display()));
                reported = true;
            }
            tokio::time::sleep(POLL).await;
        }
        Ok(Self { program, dir, lock })
    }

    /// Returns the locked file, emptied, as the next server's stdout, to receive its process id.
    pub(crate) fn pid_file(&self) -> Result<File, StackError> {
        let path = self.pid_path();
        self.lock
            .set_len(0)
            .and_then(|()| (&self.lock).rewind())
            .and_then(|()| self.lock.try_clone())
            .map_err(StackError::io("empty", &path))
    }

    /// Returns the server's process id, once its supervisor has written it.
    pub(crate) fn pid(&self) -> Option<u32> {
        read_pid(&self.pid_path())
    }

    /// Creates an empty log; the previous one is kept beside it.
    pub(crate) fn new_log(&self) -> Result<File, StackError> {
        let path = self.log_path();
        match fs::rename(&path, path.with_extension("log.1")) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(StackError::io("rename", &path)(error));
            }
            _ => {}
        }
        private::file().append(true).open(&path).map_err(StackError::io("open", &path))
    }

    pub(crate) fn log_path(&self) -> PathBuf {
        self.dir.join("server.log")
    }

    /// Returns the log as far as it can be read.
    pub(crate) fn log(&self) -> String {
        let log = fs::read(self.log_path()).unwrap_or_default();
        String::from_utf8_lossy(&log).into_owned()
    }

    /// Returns the log's last lines, for an error message.
    pub(crate) fn log_tail(&self) -> String {
        let log = self.log();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(LOG_TAIL_LINES)..].join("\n")
    }

    fn pid_path(&self) -> PathBuf {
        self.dir.join("server.lock")
    }
}

fn read_pid(path: &Path) -> Option<u32> {
    fs::read_to_string(path).ok()?.strip_suffix('\n')?.parse().ok()
}
