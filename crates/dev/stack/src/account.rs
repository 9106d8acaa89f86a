//! The account that a server runs as. PostgreSQL refuses to run as root, so root runs it as an account without
//! privileges.

use std::fs;
use std::os::unix::fs::{MetadataExt, chown};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::error::StackError;

const ACCOUNTS: &str = "/etc/passwd";
/// Candidates in order of preference: Debian's and Docker's, macOS's, every system's.
const NAMES: [&str; 3] = ["postgres", "_postgres", "nobody"];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Account {
    /// The account that runs this process.
    Own,
    /// Another account; only root can choose it.
    Other { uid: u32, gid: u32 },
}

impl Account {
    /// Returns the account for PostgreSQL: the owner of `cluster` if that exists, so that its data stays readable.
    pub(crate) fn for_postgres(cluster: &Path) -> Result<Self, StackError> {
        if !rustix::process::geteuid().is_root() {
            return Ok(Self::Own);
        }
        if let Ok(existing) = fs::metadata(cluster) {
            return Ok(Self::Other { uid: existing.uid(), gid: existing.gid() });
        }
        let path = Path::new(ACCOUNTS);
        let accounts = fs::read_to_string(path).map_err(StackError::io("read", path))?;
        NAMES.iter().find_map(|name| find(&accounts, name)).ok_or(StackError::NoAccount)
    }

    /// Makes `command` run as this account, without the caller's supplementary groups.
    pub(crate) fn apply(self, command: &mut Command) {
        if let Self::Other { uid, gid } = self {
            command.uid(uid).gid(gid);
        }
    }

    pub(crate) fn give(self, path: &Path) -> Result<(), StackError> {
        match self {
            Self::Own => Ok(()),
            Self::Other { uid, gid } => {
                chown(path, Some(uid), Some(gid)).map_err(StackError::io("change the owner of", path))
            }
        }
    }

    /// Returns whether the account may enter `dir`. The system itself is asked, because any directory above may forbid
    /// it.
    pub(crate) fn can_enter(self, dir: &Path) -> bool {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", "cd -- \"$1\"", "sh"]).arg(dir).current_dir("/");
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        self.apply(&mut command);
        command.status().is_ok_and(|status| status.success())
    }
}

/// Looks `name` up in a passwd(5) file.
fn find(accounts: &str, name: &str) -> Option<Account> {
    let mut fields = accounts.lines().map(|line| line.split(':')).find_map(|mut fields| {
        let found = fields.next()? == name;
        found.then_some(fields)
    })?;
    let uid = fields.nth(1)?.parse().ok()?;
    let gid = fields.next()?.parse().ok()?;
    Some(Account::Other { uid, gid })
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSWD: &str = "root:x:0:0:root:/root:/bin/bash\n\
                          nobody:x:65534:65533:nobody:/nonexistent:/usr/sbin/nologin\n\
                          postgres:x:101:104:,,,:/var/lib/postgresql:/bin/bash\n";

    #[test]
    fn accounts_are_found_by_their_whole_name() {
        assert_eq!(find(PASSWD, "postgres"), Some(Account::Other { uid: 101, gid: 104 }));
        assert_eq!(find(PASSWD, "nobody"), Some(Account::Other { uid: 65534, gid: 65533 }));
        assert_eq!(find(PASSWD, "_postgres"), None);
        assert_eq!(find(PASSWD, "post"), None);
    }
}
