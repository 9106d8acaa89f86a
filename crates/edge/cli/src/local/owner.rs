//! Which process runs in a data directory. The lock on `owner.lock` is the kernel's: as long as it is held, its holder lives.

use std::fs::{File, TryLockError};
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use super::data_dir::{DataDir, unreadable};
use crate::result::Result;

/// Which process runs in a data directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Owner {
    Nobody,
    /// A process of this machine that holds the lock.
    Process(u32),
    /// Someone whose process cannot be seen, for instance in a container.
    Unknown,
}

impl DataDir {
    /// Which process runs here now.
    pub(crate) fn owner(&self) -> Result<Owner> {
        let path = self.path().join("owner.lock");
        let unusable = |error: std::io::Error| unreadable(&path, &error);
        let lock = match File::open(&path) {
            Ok(lock) => lock,
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
                return Ok(Owner::Nobody);
            }
            Err(error) => return Err(unusable(error)),
        };
        match lock.try_lock_shared() {
            Ok(()) => return Ok(Owner::Nobody),
            Err(TryLockError::WouldBlock) => {}
            Err(TryLockError::Error(error)) => return Err(unusable(error)),
        }
        let named = std::fs::read_to_string(&path).map_err(unusable)?;
        let pid = named.trim().parse().ok().filter(|pid| holds(*pid, &lock));
        Ok(pid.map_or(Owner::Unknown, Owner::Process))
    }
}

/// Whether a process has this file open. Where the system does not tell, the process is believed.
fn holds(pid: u32, lock: &File) -> bool {
    let files = Path::new("/proc").join(pid.to_string()).join("fd");
    if !Path::new("/proc/self/fd").exists() {
        return true;
    }
    let (Ok(lock), Ok(files)) = (lock.metadata(), std::fs::read_dir(files)) else { return false };
    files
        .flatten()
        .filter_map(|file| std::fs::metadata(file.path()).ok())
        .any(|file| (file.dev(), file.ino()) == (lock.dev(), lock.ino()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_holder_of_the_lock_is_the_owner_and_nobody_else() {
        let dir = tempfile::tempdir().unwrap();
        let data_dir = DataDir::new(dir.path());
        assert_eq!(data_dir.owner().unwrap(), Owner::Nobody);
        let path = dir.path().join("owner.lock");
        // A killed owner leaves this file behind.
        std::fs::write(&path, "1\n").unwrap();
        assert_eq!(data_dir.owner().unwrap(), Owner::Nobody);

        let held = File::options().write(true).open(&path).unwrap();
        held.lock().unwrap();
        // Process 1 exists, but it is not the one that holds the lock.
        assert_eq!(data_dir.owner().unwrap(), Owner::Unknown);
        std::fs::write(&path, format!("{}\n", std::process::id())).unwrap();
        assert_eq!(data_dir.owner().unwrap(), Owner::Process(std::process::id()));
        drop(held);
        assert_eq!(data_dir.owner().unwrap(), Owner::Nobody);
    }
}
