//! PostgreSQL's cluster: its place, and its creation.
//!
//! It is in the data directory, unless PostgreSQL runs as an account that cannot get there, such as with root's data
//! directory under /root. Then it is under /var/lib/despatch, and a file `elsewhere` names the place. A file `of` there
//! names the data directory.

use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::process::Signal;

use crate::account::Account;
use crate::binaries::PostgresBinaries;
use crate::error::StackError;
use crate::server_dir::ServerDir;
use crate::supervised::{ServerCommand, Supervised};
use crate::{private, secret};

const ELSEWHERE: &str = "/var/lib/despatch";

/// The file with the path of the data directory that a cluster elsewhere belongs to.
const OF: &str = "of";

pub(crate) struct Cluster {
    /// The directory that the server's account enters but does not write.
    pub(crate) home: PathBuf,
    pub(crate) account: Account,
}

impl Cluster {
    /// Finds the place of the cluster that belongs to `dir`, or chooses one.
    pub(crate) fn locate(dir: &Path) -> Result<Self, StackError> {
        let pointer = dir.join("elsewhere");
        let home = match fs::read_to_string(&pointer) {
            Ok(path) => PathBuf::from(path.trim_end_matches('\n')),
            Err(error) if error.kind() == io::ErrorKind::NotFound => dir.to_owned(),
            Err(error) => return Err(StackError::io("read", &pointer)(error)),
        };
        let data = home.join("cluster");
        let account = Account::for_postgres(&data)?;
        if account == Account::Own || account.can_enter(&home) {
            return Ok(Self { home, account });
        }
        // This process may open these two directories to the account, but none above them.
        for path in [dir.parent().unwrap_or(dir), dir] {
            let_through(path, account)?;
        }
        // Existing data stays where it is, even if PostgreSQL cannot read it: it reports that itself.
        if data.exists() || account.can_enter(&home) {
            return Ok(Self { home, account });
        }
        for orphan in orphans(Path::new(ELSEWHERE), &std::env::temp_dir()) {
            // Another process may remove it at the same time, and what is left is found again.
            let _ = fs::remove_dir_all(orphan);
        }
        let home = Path::new(ELSEWHERE).join(secret::random_hex()?);
        private::create_dir(&home).map_err(StackError::io("create", &home))?;
        secret::write_private(&home.join(OF), &dir.display().to_string())?;
        for path in [Path::new(ELSEWHERE), &home] {
            let_through(path, account)?;
        }
        secret::write_private(&pointer, &home.display().to_string())?;
        Ok(Self { home, account })
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.home.join("cluster")
    }

    /// Returns the major version that created the cluster, if it exists.
    pub(crate) fn major(&self) -> Option<u32> {
        fs::read_to_string(self.data().join("PG_VERSION")).ok()?.trim().parse().ok()
    }

    /// Creates the cluster: UTF-8, byte order collation, passwords checked for every connection.
    ///
    /// It is created beside its place and renamed, so that a process killed here leaves nothing half done. `initdb`
    /// runs supervised like a server: it ends with this process, and the next owner waits for that.
    pub(crate) async fn make(
        &self,
        server_dir: &Arc<ServerDir>,
        binaries: &PostgresBinaries,
        user: &str,
        password: &str,
    ) -> Result<(), StackError> {
        let unfinished = self.home.join("cluster.new");
        match fs::remove_dir_all(&unfinished) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(StackError::io("remove", &unfinished)(error));
            }
            _ => {}
        }
        private::create_dir(&unfinished).map_err(StackError::io("create", &unfinished))?;
        self.account.give(&unfinished)?;
        let password_file = self.home.join("initial-password");
        secret::write_private(&password_file, password)?;
        self.account.give(&password_file)?;
        let mut args =
            ["--encoding=UTF8", "--locale=C", "--auth=scram-sha-256", "--no-sync", "--no-instructions"]
                .map(Into::into)
                .to_vec();
        args.extend(["--username".into(), user.into()]);
        args.extend(["--pwfile".into(), password_file.clone().into_os_string()]);
        args.extend(["--pgdata".into(), unfinished.clone().into_os_string()]);
        let initdb = ServerCommand {
            program: binaries.initdb.clone(),
            args,
            dir: self.home.clone(),
            account: self.account,
            stop: "TERM",
            kill: Signal::KILL,
        };
        Supervised::spawn(server_dir, initdb).await?.finish().await?;
        fs::remove_file(&password_file).map_err(StackError::io("remove", &password_file))?;
        fs::rename(&unfinished, self.data()).map_err(StackError::io("rename", &unfinished))
    }
}

/// Returns the clusters whose data directories were in `temporary`, and are gone. Of a data directory at another place, which
/// may be on a disk that is not mounted now, nothing is ever removed by itself.
fn orphans(elsewhere: &Path, temporary: &Path) -> Vec<PathBuf> {
    let is_orphan = |home: &PathBuf| {
        let Ok(of) = fs::read_to_string(home.join(OF)) else { return false };
        let of = Path::new(&of);
        of.starts_with(temporary) && !of.exists() && !runs(home)
    };
    let entries = fs::read_dir(elsewhere).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).filter(is_orphan).collect()
}

/// Whether a server of the cluster may run. One that was killed leaves the file with its process id.
fn runs(home: &Path) -> bool {
    let Ok(file) = fs::read_to_string(home.join("cluster/postmaster.pid")) else { return false };
    let pid = file.lines().next().unwrap_or_default().trim();
    pid.is_empty() || Path::new("/proc").join(pid).exists()
}

/// Removes a stack's data directory whose process is gone, with a cluster of its that is elsewhere.
pub fn remove_data(dir: &Path) -> io::Result<()> {
    let of = dir.join("postgres");
    if let Ok(home) = fs::read_to_string(of.join("elsewhere")) {
        let home = Path::new(home.trim_end_matches('\n'));
        let is_its = fs::read_to_string(home.join(OF)).is_ok_and(|named| Path::new(&named) == of);
        if is_its && !runs(home) {
            fs::remove_dir_all(home)?;
        }
    }
    fs::remove_dir_all(dir)
}

/// Lets the server's account pass through `dir`, without letting it list or write.
///
/// The account's group gets the right, and nobody else does. Only a directory whose group is in use already is opened to
/// every account.
fn let_through(dir: &Path, account: Account) -> Result<(), StackError> {
    let metadata = fs::metadata(dir).map_err(StackError::io("read", dir))?;
    let mode = metadata.permissions().mode();
    let (Account::Other { gid, .. }, 0) = (account, mode & 0o001) else { return Ok(()) };
    let opened = if metadata.gid() == gid || mode & 0o070 == 0 {
        chown(dir, None, Some(gid)).map_err(StackError::io("change the group of", dir))?;
        mode | 0o010
    } else {
        mode | 0o011
    };
    fs::set_permissions(dir, Permissions::from_mode(opened)).map_err(StackError::io("open to others", dir))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_temporary_data_directory_left_behind_is_an_orphan() {
        let root = tempfile::tempdir().unwrap();
        let [elsewhere, temporary, kept] =
            ["elsewhere", "temporary", "kept"].map(|name| root.path().join(name));
        for (name, of) in [
            ("gone", Some(temporary.join("gone"))),
            ("there", Some(temporary.clone())),
            ("not-mounted", Some(kept.join("gone"))),
            ("running", Some(temporary.join("running"))),
            ("killed", Some(temporary.join("killed"))),
            ("of-nobody", None),
        ] {
            fs::create_dir_all(elsewhere.join(name).join("cluster")).unwrap();
            if let Some(of) = of {
                fs::write(elsewhere.join(name).join(OF), of.display().to_string()).unwrap();
            }
        }
        fs::create_dir_all(&temporary).unwrap();
        let alive = std::process::id().to_string();
        fs::write(elsewhere.join("running/cluster/postmaster.pid"), alive).unwrap();
        // No process has so high a number.
        fs::write(elsewhere.join("killed/cluster/postmaster.pid"), "4194305\n").unwrap();
        let mut found = orphans(&elsewhere, &temporary);
        found.sort();
        assert_eq!(found, [elsewhere.join("gone"), elsewhere.join("killed")]);
        assert_eq!(orphans(&root.path().join("nothing"), &temporary), Vec::<PathBuf>::new());
    }

    #[test]
    fn a_data_directory_is_removed_with_its_own_cluster_elsewhere() {
        let root = tempfile::tempdir().unwrap();
        let [mine, other] = ["mine", "other"].map(|name| root.path().join(name));
        for (name, of) in [("mine", mine.join("postgres")), ("other", root.path().to_owned())] {
            let home = root.path().join("elsewhere").join(name);
            fs::create_dir_all(home.join("cluster")).unwrap();
            fs::write(home.join(OF), of.display().to_string()).unwrap();
            let postgres = root.path().join(name).join("postgres");
            fs::create_dir_all(&postgres).unwrap();
            fs::write(postgres.join("elsewhere"), format!("{}\n", home.display())).unwrap();
        }
        for dir in [&mine, &other] {
            remove_data(dir).unwrap();
            assert!(!dir.exists());
        }
        assert!(!root.path().join("elsewhere/mine").exists());
        assert!(root.path().join("elsewhere/other").exists(), "it says that it belongs to another");
    }
}
