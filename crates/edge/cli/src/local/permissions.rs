//! Whether a data directory is its owner's alone: it holds secrets, orders and customers' mail.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use super::data_dir::DataDir;

/// PostgreSQL's own directory. The server checks it at each start, and it may belong to another account.
const CLUSTER: &str = "postgres/cluster";

/// The beginnings of the names that a deployment gives to its files here. Others may lie beside them.
const OURS: [&str; 9] =
    ["owner.lock", "secrets", "address", "settings", "servers", "up.log", "nats", "postgres", "sandbox"];

/// The directories that PostgreSQL's account may have to pass through.
const PASSAGES: [&str; 2] = ["", "postgres"];

/// A file or directory on which others than its owner have rights.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Open {
    pub(crate) path: PathBuf,
    /// The permissions, as `chmod` has them.
    pub(crate) mode: u32,
    pub(crate) is_dir: bool,
}

impl DataDir {
    /// Everything of a deployment here on which others have rights. To pass through the directories above PostgreSQL's is no such right: it
    /// shows no names.
    pub(crate) fn open_to_others(&self) -> io::Result<Vec<Open>> {
        let mut found = Vec::new();
        look(self.path(), Path::new(""), &mut found)?;
        Ok(found)
    }
}

fn look(root: &Path, below: &Path, found: &mut Vec<Open>) -> io::Result<()> {
    if below.starts_with(CLUSTER) {
        return Ok(());
    }
    let path = if below.as_os_str().is_empty() { root.to_owned() } else { root.join(below) };
    let metadata = match fs::symlink_metadata(&path) {
        // Servers remove files all the time.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        metadata => metadata?,
    };
    let is_dir = metadata.is_dir();
    let passes = if PASSAGES.iter().any(|passage| Path::new(passage) == below) { 0o011 } else { 0 };
    let mode = metadata.permissions().mode() & 0o777;
    if !metadata.is_symlink() && mode & 0o077 & !passes != 0 {
        found.push(Open { path: path.clone(), mode, is_dir });
    }
    if is_dir {
        for entry in fs::read_dir(&path)? {
            let name = entry?.file_name();
            let is_ours = || OURS.iter().any(|ours| name.to_string_lossy().starts_with(ours));
            if !below.as_os_str().is_empty() || is_ours() {
                look(root, &below.join(name), found)?;
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs::Permissions;

    use super::*;

    #[test]
    fn only_what_others_may_read_is_found() {
        let dir = tempfile::tempdir().unwrap();
        let chmod = |name: &str, mode| {
            fs::set_permissions(dir.path().join(name), Permissions::from_mode(mode)).unwrap();
        };
        for name in ["postgres/cluster", "sandbox"] {
            fs::create_dir_all(dir.path().join(name)).unwrap();
        }
        for name in ["postgres/cluster/base", "sandbox/mail.raw", "secrets.json", "shop.toml"] {
            fs::write(dir.path().join(name), "").unwrap();
        }
        for (name, mode) in [
            ("", 0o710),
            ("postgres", 0o711),
            ("sandbox", 0o700),
            ("sandbox/mail.raw", 0o600),
            ("secrets.json", 0o600),
        ] {
            chmod(name, mode);
        }
        // Of the user, who may show it to others.
        chmod("shop.toml", 0o644);
        let data_dir = DataDir::new(dir.path());
        assert_eq!(data_dir.open_to_others().unwrap(), []);

        chmod("", 0o755);
        chmod("sandbox", 0o710);
        chmod("sandbox/mail.raw", 0o644);
        let mut found = data_dir.open_to_others().unwrap();
        found.sort_by(|one, other| one.path.cmp(&other.path));
        let open = |name: &str, mode, is_dir| Open { path: dir.path().join(name), mode, is_dir };
        let root = Open { path: dir.path().to_owned(), mode: 0o755, is_dir: true };
        assert_eq!(found, [root, open("sandbox", 0o710, true), open("sandbox/mail.raw", 0o644, false)]);
    }
}
