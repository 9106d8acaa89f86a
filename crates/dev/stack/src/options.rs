//! Where a stack lives, and which of its servers exist already.

use std::path::PathBuf;

/// How a stack is started.
#[derive(Clone)]
pub struct Options {
    /// Holds both servers' data, logs and passwords; created if missing. One process owns it at a time.
    pub data_dir: PathBuf,
    /// A NATS server to use instead of a private one.
    pub nats_url: Option<String>,
    /// A PostgreSQL database to use instead of a private one.
    pub database_url: Option<String>,
    /// Who may connect to the private NATS and how, in its configuration's words (`authorization {…}`, `tls {…}`).
    /// Without it there is one user with a password, who may do everything.
    pub nats_permissions: Option<String>,
    /// Is given single lines that a person should see while waiting. Writes to stderr unless changed.
    pub progress: fn(&str),
}

impl Options {
    /// Two private servers under `data_dir`.
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
