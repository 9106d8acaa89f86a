//! The lock of a data directory. A directory has one owner at a time: the process that holds the lock on `owner.lock`.
//!
//! The kernel holds the lock, so it ends with its owner, even if the owner is killed. The file also names the owner's
//! process.

use std::fs::{self, File, Permissions, TryLockError};
use std::io::{Seek, Write};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::error::StackError;
use crate::private;

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
    ///
    /// A new or empty directory becomes the owner's alone. One that holds other files keeps its permissions, because
    /// others may need them.
    pub async fn take(data_dir: &Path) -> Result<Self, StackError> {
        private::create_dir(data_dir).map_err(StackError::io("create", data_dir))?;
        if fs::read_dir(data_dir).map_err(StackError::io("read", data_dir))?.next().is_none() {
            fs::set_permissions(data_dir, Permissions::from_mode(0o700))
                .map_err(StackError::io("close to others", data_dir))?;
        }
        let path = data_dir.join("owner.lock");
        let mut lock = private::file()
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
