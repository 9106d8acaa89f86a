//! Packages from PyPI, for the time of a check.

use std::path::Path;
use std::process::Command;

use crate::error::TaskError;
use crate::run::succeeds;

/// Installs a package, pinned as `name==version`, into a directory; returns whether that worked.
pub(super) fn install(package: &str, into: &Path) -> Result<bool, TaskError> {
    let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--target"];
    succeeds(Command::new("python3").args(pip).arg(into).arg(package))
}
