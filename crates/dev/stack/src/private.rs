//! Directories and files that only their owner may enter and read, whatever the umask.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::Path;

/// Creates a directory, and those above it that are missing. An existing one stays as it is.
pub(crate) fn create_dir(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// Returns options that create a file for its owner alone.
pub(crate) fn file() -> OpenOptions {
    let mut options = File::options();
    options.create(true).mode(0o600);
    options
}
