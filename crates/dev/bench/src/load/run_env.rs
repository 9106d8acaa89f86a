//! The servers of a benchmark, and on them a fresh environment for each run: a database and a subject namespace of its
//! own, so that no run finds what another has left.

use async_nats::jetstream;
use despatch_runtime::{Settings, nats_options};
use despatch_stack::Stack;
use tempfile::TempDir;
use tokio_postgres::{Client, NoTls};
use uuid::Uuid;

use crate::measure::usage::ServerPids;
use crate::options::Options;
use crate::result::Result;

/// A private NATS and PostgreSQL, or those that `DESPATCH_NATS_URL` and `DESPATCH_DATABASE_URL` name.
pub(crate) struct Servers {
    stack: Stack,
    /// Removed with the servers.
    _temporary: Option<TempDir>,
}

impl Servers {
    /// Starts the servers.
    pub(crate) async fn start(options: &Options) -> Result<Self> {
        let temporary = match &options.data_dir {
            Some(_) => None,
            None => Some(tempfile::Builder::new().prefix("despatch-bench-").tempdir()?),
        };
        let dir = options.data_dir.clone().or(temporary.as_ref().map(|dir| dir.path().to_owned()));
        let stack = despatch_stack::Options::new(dir.unwrap_or_default()).from_env();
        Ok(Servers { stack: Stack::start(stack).await?, _temporary: temporary })
    }

    /// The servers' processes, as far as they are ours.
    pub(crate) fn pids(&self) -> ServerPids {
        ServerPids { nats: self.stack.nats_pid(), postgres: self.stack.postgres_pid() }
    }

    /// A fresh environment. A checkpoint comes first, so that none of what was written before is paid for by this run.
    pub(crate) async fn run_env(&self) -> Result<RunEnv> {
        let name = format!("bench_{}", Uuid::now_v7().simple());
        let admin = connect(self.stack.database_url()).await?;
        admin.batch_execute(&format!("create database {name}")).await?;
        admin.batch_execute("checkpoint").await?;
        let (server, _) = self.stack.database_url().rsplit_once('/').ok_or("the URL names no database")?;
        let mut settings = Settings::new(self.stack.nats_url(), format!("{server}/{name}"));
        settings.namespace = name;
        let (addresses, options) = nats_options(&settings.nats_url)?;
        let nats = options.connect(addresses).await?;
        Ok(RunEnv { settings, jetstream: jetstream::new(nats.clone()), nats, admin })
    }

    /// Ends the servers.
    pub(crate) async fn stop(self) -> Result {
        Ok(self.stack.stop().await?)
    }
}

/// A database and a namespace.
pub(crate) struct RunEnv {
    /// How a process of the runtime runs here.
    pub(crate) settings: Settings,
    /// The load generator's own connection.
    pub(crate) nats: async_nats::Client,
    /// The same.
    pub(crate) jetstream: jetstream::Context,
    admin: Client,
}

impl RunEnv {
    /// A connection to the environment's database.
    pub(crate) async fn db(&self) -> Result<Client> {
        connect(&self.settings.database_url).await
    }

    /// The name of the stream that the runtime keeps here.
    pub(crate) fn stream(&self) -> String {
        format!("DESPATCH_{}", self.settings.namespace)
    }

    /// Removes the database and the stream.
    pub(crate) async fn clear(self) -> Result {
        // It is not there when nothing came to run.
        let _ = self.jetstream.delete_stream(self.stream()).await;
        let name = &self.settings.namespace;
        self.admin.batch_execute(&format!("drop database {name} with (force)")).await?;
        Ok(())
    }
}

/// A connection; it ends with its client.
pub(crate) async fn connect(url: &str) -> Result<Client> {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
    tokio::spawn(connection);
    Ok(client)
}
