//! Options of a stack: its directory, and servers that exist already.

use std::path::PathBuf;

/// How to start a stack.
#[derive(Clone)]
pub struct Options {
    /// Holds both servers' data, logs and passwords; created if missing. One process owns it at a time.
    pub data_dir: PathBuf,
    /// A NATS server to use instead of a private one.
    pub nats_url: Option<String>,
    /// A PostgreSQL database to use instead of a private one.
    pub database_url: Option<String>,
    /// The private NATS's users and permissions, in the words of its configuration (`authorization {…}`, `tls {…}`).
    /// Without it, one user with a password may do everything.
    pub nats_permissions: Option<String>,
    /// Receives single lines for a person who waits. Writes to stderr unless changed.
    pub progress: fn(&str),
}

impl Options {
    /// Creates the options for two private servers under `data_dir`.
    pub fn new(data_dir: impl Into<PathBuf>) -> Self {
        Self {
            data_dir: data_dir.into(),
            nats_url: None,
            database_url: None,
            nats_permissions: None,
            progress: |line| eprintln!("{line}"),
        }
    }

    /// Replaces either server by the one that `DESPATCH_NATS_URL` or `DESPATCH_DATABASE_URL` names, if set.
    #[must_use]
    pub fn from_env(mut self) -> Self {
        let named = |key| std::env::var(key).ok().filter(|url| !url.is_empty());
        self.nats_url = named("DESPATCH_NATS_URL").or(self.nats_url);
        self.database_url = named("DESPATCH_DATABASE_URL").or(self.database_url);
        self
    }
}
