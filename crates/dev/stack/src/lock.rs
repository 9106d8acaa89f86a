//! The lock of a data directory. A directory has one owner at a time: the process that holds the lock on `owner.lock`.
//!
//! The kernel holds the lock, so it ends with its owner, even if the owner is killed. The file also names the owner's
//! process.

use std::fs::{self, File, TryLockError};
use std::io::{Seek, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use crate::error::StackError;

/// How long a killed process may keep its locks until the kernel has cleared it away.
const DYING: Duration = Duration::from_secs(1);
const POLL: Duration = Duration::from_millis(5);

/// The lock on a data directory, released when it is dropped.
#[derive(Debug)]
pub struct DataDirLock {
    // Held, never read: closing it releases the directory.
    _lock: File,
}

impl DataDirLock {
    /// Creates the directory if necessary and locks it, or returns the process that holds it.
    pub async fn take(data_dir: &Path) -> Result<Self, StackError> {
        fs::create_dir_all(data_dir).map_err(StackError::io("create", data_dir))?;
        let path = data_dir.join("owner.lock");
        let mut lock = File::options()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .open(&path)
            .map_err(StackError::io("open", &path))?;
        let started = Instant::now();
        loop {
            match lock.try_lock() {
                Ok(()) => break,
                Err(TryLockError::WouldBlock) if started.elapsed() < DYING => {}
                Err(TryLockError::WouldBlock) => {
                    let pid = fs::read_to_string(&path).ok().and_then(|pid| pid.trim().parse().ok());
                    return Err(StackError::Owned { data_dir: data_dir.to_owned(), pid });
                }
                Err(TryLockError::Error(source)) => return Err(StackError::io("lock", &path)(source)),
            }
            tokio::time::sleep(POLL).await;
        }
        lock.set_len(0)
            .and_then(|()| lock.rewind())
            .and_then(|()| writeln!(lock, "{}", std::process::id()))
            .map_err(StackError::io("write", &path))?;
        Ok(Self { _lock: lock })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_second_owner_learns_of_the_first() {
        let dir = tempfile::tempdir().unwrap();
        let first = DataDirLock::take(dir.path()).await.unwrap();
        let Err(StackError::Owned { pid, .. }) = DataDirLock::take(dir.path()).await else {
            panic!("a second owner was accepted");
        };
        assert_eq!(pid, Some(std::process::id()));
        drop(first);
        DataDirLock::take(dir.path()).await.unwrap();
    }
}
