//! A private NATS (JetStream on file) and PostgreSQL on free loopback ports, for a laptop and for tests.
//!
//! [`Stack::start`] finds or installs the real servers, runs them under a data directory and returns when both
//! serve. They end with the process that started them, however that ends; what they store stays.

use std::io;
use std::path::{Path, PathBuf};

mod account;
mod binaries;
mod cluster;
mod error;
mod nats;
mod off_thread;
mod owner;
mod port;
mod postgres;
mod secret;
mod server;
mod slot;
mod supervised;
mod wheel;

pub use error::{InstallError, Program, StackError};

use owner::Owner;
use server::Server;

/// Where a stack lives, and which of its servers exist already.
#[derive(Clone)]
pub struct Options {
    /// Holds both servers' data, logs and passwords; created if missing. One process owns it at a time.
    pub data_dir: PathBuf,
    /// A NATS server to use instead of a private one.
    pub nats_url: Option<String>,
    /// A PostgreSQL database to use instead of a private one.
    pub database_url: Option<String>,
    /// Who may come to the private NATS and how, as its configuration says it (`authorization {…}`, `tls {…}`), in the
    /// place of one user with a password who may do everything.
    pub nats_door: Option<String>,
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
            nats_door: None,
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

/// A NATS and a PostgreSQL that serve.
///
/// Prefer [`Stack::stop`]. Dropping a stack ends its servers too, but blocks the thread while it waits for them,
/// and kills what has not ended after a few seconds.
pub struct Stack {
    // Fields drop in this order: the data directory is given up only after its servers have ended.
    nats: Server,
    postgres: Server,
    owner: Option<Owner>,
    options: Options,
}

impl Stack {
    /// Starts both servers at the same time and returns when both serve.
    ///
    /// Waits for servers that a killed owner of the same directory left behind, and keeps their data and, where
    /// they are still free, their ports.
    pub async fn start(options: Options) -> Result<Self, StackError> {
        let all_given = options.nats_url.is_some() && options.database_url.is_some();
        let owner = if all_given { None } else { Some(Owner::take(&options.data_dir).await?) };
        let nats = async {
            match &options.nats_url {
                Some(url) => Ok(Server::Given(url.clone())),
                None => nats::start(&options).await,
            }
        };
        let postgres = async {
            match &options.database_url {
                Some(url) => Ok(Server::Given(url.clone())),
                None => postgres::start(&options).await,
            }
        };
        let (nats, postgres) = tokio::try_join!(nats, postgres)?;
        Ok(Self { nats, postgres, owner, options })
    }

    /// `nats://user:password@127.0.0.1:port`, or the URL given in the options.
    pub fn nats_url(&self) -> &str {
        self.nats.url()
    }

    /// `postgres://user:password@127.0.0.1:port/despatch`, or the URL given in the options.
    pub fn database_url(&self) -> &str {
        self.postgres.url()
    }

    /// The process id of the nats-server that this stack started.
    pub fn nats_pid(&self) -> Option<u32> {
        self.nats.pid()
    }

    /// The process id of the postmaster that this stack started.
    pub fn postgres_pid(&self) -> Option<u32> {
        self.postgres.pid()
    }

    /// Stops this stack's nats-server, or what is left of it, and starts it again: for tests that take it away.
    ///
    /// Its URL stays the same unless another program has taken the port meanwhile.
    pub async fn restart_nats(&mut self) -> Result<(), StackError> {
        if self.nats.end().await? {
            self.nats = nats::start(&self.options).await?;
        }
        Ok(())
    }

    /// The same; while no server uses it, `meanwhile` is given the directory of what NATS has stored, which need not
    /// exist.
    pub async fn restart_nats_meanwhile(
        &mut self,
        meanwhile: impl FnOnce(&Path) -> io::Result<()>,
    ) -> Result<(), StackError> {
        if self.nats.end().await? {
            let store = self.options.data_dir.join("nats").join("jetstream");
            meanwhile(&store).map_err(StackError::io("change", &store))?;
            self.nats = nats::start(&self.options).await?;
        }
        Ok(())
    }

    /// Stops this stack's PostgreSQL, or what is left of it, and starts it again: for tests that take it away.
    ///
    /// Its URL stays the same unless another program has taken the port meanwhile.
    pub async fn restart_postgres(&mut self) -> Result<(), StackError> {
        if self.postgres.end().await? {
            self.postgres = postgres::start(&self.options).await?;
        }
        Ok(())
    }

    /// Ends both servers in good order and waits until they are gone.
    pub async fn stop(self) -> Result<(), StackError> {
        let Self { nats, postgres, owner, options: _ } = self;
        let (nats, postgres) = tokio::join!(nats.stop(), postgres.stop());
        drop(owner);
        nats.and(postgres)
    }
}
