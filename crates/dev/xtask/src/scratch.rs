//! Temporary directories.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::{env, process};

use crate::error::{TaskError, path};

/// A directory of this process's own, which is removed when it goes out of scope.
pub(crate) struct Scratch {
    pub(crate) path: PathBuf,
}

impl Scratch {
    /// `purpose` is part of its name.
    pub(crate) fn create(purpose: &str) -> Result<Self, TaskError> {
        let dir = env::temp_dir().join(format!("despatch-{purpose}-{}", process::id()));
        // Others may pass: tests run by root start PostgreSQL as another user.
        fs::create_dir_all(&dir)
            .and_then(|()| fs::set_permissions(&dir, fs::Permissions::from_mode(0o711)))
            .map_err(path(&dir))?;
        Ok(Self { path: dir })
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.path) {
            eprintln!("xtask: cannot remove {}: {error}", self.path.display());
        }
    }
}
