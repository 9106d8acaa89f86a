//! Finds installed servers: on PATH, then where packages put them. A server counts if it prints a version that is new
//! enough.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::account::Account;

const OLDEST_NATS: (u32, u32) = (2, 10);
const OLDEST_POSTGRES: u32 = 14;

/// A PostgreSQL that can create and serve a cluster.
#[derive(Debug)]
pub(crate) struct PostgresBinaries {
    pub(crate) postgres: PathBuf,
    pub(crate) initdb: PathBuf,
    pub(crate) major: u32,
}

impl PostgresBinaries {
    /// Returns both programs in `dir`, if `account` can run them and they are of one usable version.
    pub(crate) fn in_dir(dir: &Path, account: Account) -> Option<Self> {
        // A link such as /usr/local/bin/postgres leads to the directory with everything that belongs to it.
        let postgres = fs::canonicalize(dir.join("postgres")).ok()?;
        let initdb = postgres.with_file_name("initdb");
        let version = version_of(&postgres, account)?;
        (version.0 >= OLDEST_POSTGRES && version_of(&initdb, account)? == version).then_some(Self {
            postgres,
            initdb,
            major: version.0,
        })
    }
}

/// Finds the first nats-server that is new enough.
pub(crate) fn nats_server() -> Option<PathBuf> {
    let candidates = places().into_iter().map(|dir| dir.join("nats-server"));
    candidates.into_iter().find(|path| version_of(path, Account::Own).is_some_and(|v| v >= OLDEST_NATS))
}

/// Finds the first PostgreSQL that is new enough, of the major version `wanted` if one is given.
pub(crate) fn postgres(account: Account, wanted: Option<u32>) -> Option<PostgresBinaries> {
    places()
        .iter()
        .filter_map(|dir| PostgresBinaries::in_dir(dir, account))
        .find(|found| wanted.is_none_or(|major| major == found.major))
}

fn places() -> Vec<PathBuf> {
    let mut places: Vec<PathBuf> = env::var_os("PATH")
        .map(|path| env::split_paths(&path).filter(|dir| dir.is_absolute()).collect())
        .unwrap_or_default();
    places.extend(versions_under("/usr/lib/postgresql", "", "bin"));
    places.extend(versions_under("/usr", "pgsql-", "bin"));
    places.extend(["/usr/sbin", "/usr/local/bin", "/usr/local/sbin", "/opt/homebrew/bin"].map(PathBuf::from));
    places.extend(versions_under("/opt/homebrew/opt", "postgresql@", "bin"));
    places.extend(versions_under("/usr/local/opt", "postgresql@", "bin"));
    places
}

/// Lists `parent/<prefix><version>/<child>` for each version, newest first.
fn versions_under(parent: &str, prefix: &str, child: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(parent).into_iter().flatten().flatten();
    let mut versions: Vec<(u32, PathBuf)> = entries
        .filter_map(|entry| {
            let version = entry.file_name().to_str()?.strip_prefix(prefix)?.parse().ok()?;
            Some((version, entry.path().join(child)))
        })
        .collect();
    versions.sort_unstable_by(|a, b| b.cmp(a));
    versions.into_iter().map(|(_, path)| path).collect()
}

fn version_of(program: &Path, account: Account) -> Option<(u32, u32)> {
    let mut command = Command::new(program);
    command.arg("--version").current_dir("/").stdin(Stdio::null()).stderr(Stdio::null());
    account.apply(&mut command);
    let output = command.output().ok().filter(|output| output.status.success())?;
    parse_version(&String::from_utf8_lossy(&output.stdout))
}

/// Returns the first word that looks like a version: `nats-server: v2.10.7`, `postgres (PostgreSQL) 15.8 (Debian …)`,
/// `initdb (PostgreSQL) 18beta1`.
fn parse_version(line: &str) -> Option<(u32, u32)> {
    let word = line
        .split_whitespace()
        .map(|word| word.strip_prefix('v').unwrap_or(word))
        .find(|word| word.starts_with(|c: char| c.is_ascii_digit()))?;
    let mut numbers = word.split(|c: char| !c.is_ascii_digit()).map(|digits| digits.parse().unwrap_or(0));
    Some((numbers.next()?, numbers.next().unwrap_or(0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_as_the_programs_print_them() {
        assert_eq!(parse_version("nats-server: v2.10.27\n"), Some((2, 10)));
        assert_eq!(parse_version("nats-server: v2.9.10"), Some((2, 9)));
        assert_eq!(parse_version("postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)"), Some((15, 18)));
        assert_eq!(parse_version("initdb (PostgreSQL) 18beta1"), Some((18, 0)));
        assert_eq!(parse_version("command not found"), None);
    }

    #[test]
    fn packages_are_tried_newest_first() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["pg-9", "pg-15", "pg-14", "other", "pg-x"] {
            fs::create_dir(dir.path().join(name)).unwrap();
        }
        let found = versions_under(dir.path().to_str().unwrap(), "pg-", "bin");
        let expected: Vec<_> = ["pg-15", "pg-14", "pg-9"].map(|n| dir.path().join(n).join("bin")).into();
        assert_eq!(found, expected);
    }
}
