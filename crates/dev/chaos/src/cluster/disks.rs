//! Small disks: file systems in memory, in a mount namespace of the run, so that they end with it.

use std::fs::File;
use std::io::{self, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::result::Result;

/// Tells the process that it has a mount namespace of its own.
const MARK: &str = "CHAOS_PRIVATE_MOUNTS";

/// Arguments of `unshare` before the program.
const UNSHARE: [&str; 3] = ["--mount", "--propagation", "private"];

/// Becomes the same program in a mount namespace of its own, where it may have one. Returns only where it may not, or has
/// one already.
pub(crate) fn enter_private_mounts() -> Result {
    if may_mount() {
        return Ok(());
    }
    let mut attempt = Command::new("unshare");
    attempt.args(UNSHARE).arg("true").stdout(Stdio::null()).stderr(Stdio::null());
    if !rustix::process::geteuid().is_root() || !attempt.status().is_ok_and(|status| status.success()) {
        return Ok(());
    }
    let mut again = Command::new("unshare");
    again.args(UNSHARE).arg(std::env::current_exe()?).args(std::env::args_os().skip(1)).env(MARK, "1");
    Err(again.exec().into())
}

/// Returns whether disks can be mounted without outliving the run.
pub(crate) fn may_mount() -> bool {
    std::env::var_os(MARK).is_some()
}

/// A mounted disk.
pub(crate) struct Disk {
    dir: PathBuf,
}

impl Disk {
    /// Mounts a disk of this size at a directory, which is created.
    pub(crate) fn mount(dir: &Path, mebibytes: u32) -> Result<Self> {
        std::fs::create_dir_all(dir)?;
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &format!("size={mebibytes}m,mode=0755"), "chaos"]).arg(dir);
        let status = mount.status()?;
        if !status.success() {
            return Err(format!("mount {}: {status}", dir.display()).into());
        }
        Ok(Disk { dir: dir.to_owned() })
    }

    /// Takes all of its room.
    pub(crate) fn fill(&self) -> Result {
        let mut ballast = File::create(self.ballast())?;
        for size in [1 << 20, 1 << 12, 1] {
            let chunk = vec![0; size];
            loop {
                match ballast.write_all(&chunk) {
                    Ok(()) => {}
                    Err(error) if error.kind() == io::ErrorKind::StorageFull => break,
                    Err(error) => return Err(error.into()),
                }
            }
        }
        Ok(())
    }

    /// Gives the room back.
    pub(crate) fn relieve(&self) -> Result {
        Ok(std::fs::remove_file(self.ballast())?)
    }

    fn ballast(&self) -> PathBuf {
        self.dir.join("ballast")
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // A disk that stays ends with the mount namespace.
        let _ = Command::new("umount").arg("--lazy").arg(&self.dir).status();
    }
}
