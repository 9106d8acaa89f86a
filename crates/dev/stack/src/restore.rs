//! Whether a starting NATS still reads its store. With damaged files it can compute without an end and never serve.
//!
//! A server that restores writes to its log and reads from its disk. One that does neither for a while will never end.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use jiff::Timestamp;

use crate::error::StackError;
use crate::server_dir::ServerDir;

/// How long a restore may make no progress. Between two blocks of a file, milliseconds are usual.
const LIMIT: Duration = Duration::from_secs(15);
/// The same where the system does not tell what a process reads, so that one large stream looks like no progress.
const BLIND_LIMIT: Duration = Duration::from_secs(90);
/// More bytes than a server reads within that time when it reads no store: a few hundred a second.
const IDLE_READS: u64 = 64 * 1024;
const POLL: Duration = Duration::from_millis(250);

/// Returns once the server's restore makes no progress any more. Never returns for a server that does not restore.
pub(crate) async fn stuck(server_dir: &ServerDir, pid: Option<u32>) {
    let (mut since, mut last) = (Instant::now(), Progress::default());
    loop {
        let log = server_dir.log();
        let now = Progress { logged: log.len(), read: bytes_read(pid) };
        let limit = if now.read.is_some() { LIMIT } else { BLIND_LIMIT };
        if now.is_beyond(last) {
            (since, last) = (Instant::now(), now);
        } else if is_restoring(&log) && since.elapsed() > limit {
            return;
        }
        tokio::time::sleep(POLL).await;
    }
}

/// How far a starting server is.
#[derive(Debug, Clone, Copy, Default)]
struct Progress {
    /// The length of its log.
    logged: usize,
    /// How much it has read; `None` where the system does not tell.
    read: Option<u64>,
}

impl Progress {
    fn is_beyond(self, last: Progress) -> bool {
        self.logged != last.logged || self.read.unwrap_or(0) > last.read.unwrap_or(0) + IDLE_READS
    }
}

/// Returns whether a server that exited at its start did so because it cannot read its store: it broke off while it
/// restored, not for a reason that it could tell.
pub(crate) fn broke_off(log: &str) -> bool {
    is_restoring(log)
        && log.lines().any(|line| line.starts_with("panic:") || line.starts_with("fatal error:"))
}

/// Renames a store that cannot be read, so that the server begins with an empty one. Returns where it is now; `None` if
/// there is no store.
pub(crate) fn set_aside(store: &Path) -> Result<Option<PathBuf>, StackError> {
    if !store.exists() {
        return Ok(None);
    }
    let time = Timestamp::now().strftime("%Y%m%dT%H%M%SZ");
    let aside = store.with_file_name(format!("jetstream.unreadable-{time}"));
    fs::rename(store, &aside).map_err(StackError::io("rename", store))?;
    Ok(Some(aside))
}

/// Returns whether the log ends in the middle of a stream or its consumers.
fn is_restoring(log: &str) -> bool {
    log.contains("Starting restore for stream") && !log.contains("Listening for client connections")
}

/// Returns how much a process has read so far; `None` where the system does not tell.
fn bytes_read(pid: Option<u32>) -> Option<u64> {
    let io = fs::read_to_string(Path::new("/proc").join(pid?.to_string()).join("io")).ok()?;
    io.lines().find_map(|line| line.strip_prefix("rchar: "))?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_is_renamed_with_its_time_and_kept() {
        let dir = tempfile::tempdir().unwrap();
        let store = dir.path().join("jetstream");
        assert_eq!(set_aside(&store).unwrap(), None);
        fs::create_dir(&store).unwrap();
        fs::write(store.join("1.blk"), "damaged").unwrap();
        let aside = set_aside(&store).unwrap().unwrap();
        let name = aside.file_name().unwrap().to_str().unwrap();
        assert!(name.starts_with("jetstream.unreadable-20") && name.ends_with('Z'), "{name}");
        assert_eq!(fs::read_to_string(aside.join("1.blk")).unwrap(), "damaged");
        assert!(!store.exists());
    }

    #[test]
    fn reading_a_store_is_progress_and_a_few_bytes_are_none() {
        let at = |logged, read| Progress { logged, read };
        assert!(!at(100, Some(12_000)).is_beyond(at(100, Some(8_000))));
        assert!(at(100, Some(9_000_000)).is_beyond(at(100, Some(8_000))));
        assert!(at(101, None).is_beyond(at(100, None)));
        assert!(!at(100, None).is_beyond(at(100, None)));
    }

    #[test]
    fn only_a_restore_that_breaks_off_condemns_the_store() {
        let restoring = "[INF]   Starting restore for stream '$G > DESPATCH'\n";
        assert!(broke_off(&format!("{restoring}panic: runtime error: index out of range\n")));
        assert!(!broke_off("nats-server: cannot open the configuration\n"));
        assert!(!broke_off(&format!("{restoring}[FTL] no space left on device\n")));
        assert!(!broke_off(&format!("{restoring}[INF] Listening for client connections\npanic: later\n")));
    }
}
