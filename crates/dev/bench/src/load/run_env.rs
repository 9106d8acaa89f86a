//! The servers of a benchmark, and on them a new environment for each run: a database and a subject namespace of its
//! own, so that no run finds another's data.

use async_nats::jetstream;
use despatch_runtime::{Settings, nats_options};
use despatch_stack::Stack;
use futures_util::TryStreamExt as _;
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

    /// Returns the servers' process ids, if the servers are private.
    pub(crate) fn pids(&self) -> ServerPids {
        ServerPids { nats: self.stack.nats_pid(), postgres: self.stack.postgres_pid() }
    }

    /// Creates a new environment. A checkpoint comes first, so that this run does not pay for earlier writes.
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

    /// Lets PostgreSQL count statements if its build can; see [`statements`](crate::measure::statements).
    pub(crate) async fn count_statements(&mut self) -> Result {
        let admin = connect(self.stack.database_url()).await?;
        let is_there =
            "select exists (select from pg_available_extensions where name = 'pg_stat_statements')";
        if self.stack.postgres_pid().is_none() || !admin.query_one(is_there, &[]).await?.get::<_, bool>(0) {
            return Ok(());
        }
        admin.batch_execute("alter system set shared_preload_libraries = pg_stat_statements").await?;
        drop(admin);
        Ok(self.stack.restart_postgres().await?)
    }

    /// Ends the servers.
    pub(crate) async fn stop(self) -> Result {
        Ok(self.stack.stop().await?)
    }
}

/// A database and a namespace.
pub(crate) struct RunEnv {
    /// The settings of a process of the runtime.
    pub(crate) settings: Settings,
    /// The load generator's own connection.
    pub(crate) nats: async_nats::Client,
    /// The load generator's JetStream context.
    pub(crate) jetstream: jetstream::Context,
    admin: Client,
}

impl RunEnv {
    /// Connects to the environment's database.
    pub(crate) async fn db(&self) -> Result<Client> {
        connect(&self.settings.database_url).await
    }

    /// Returns the database's URL for a role of its own, which may do everything.
    pub(crate) async fn create_role(&self, role: &str) -> Result<String> {
        let password = Uuid::new_v4().simple();
        let sql = format!("create role \"{role}\" superuser login password '{password}'");
        self.admin.batch_execute(&sql).await?;
        let url = &self.settings.database_url;
        let (_, server) = url.split_once('@').ok_or("the URL names no user")?;
        Ok(format!("postgres://{role}:{password}@{server}"))
    }

    /// Removes roles, once the database is gone.
    pub(crate) async fn drop_roles(servers: &Servers, roles: &[String]) -> Result {
        let admin = connect(servers.stack.database_url()).await?;
        for role in roles {
            admin.batch_execute(&format!("drop role \"{role}\"")).await?;
        }
        Ok(())
    }

    /// Describes the messages that the workers' consumers have pending or in flight.
    pub(crate) async fn pending(&self) -> Result<Vec<String>> {
        let mut pending = Vec::new();
        let stream = self.jetstream.get_stream(self.stream()).await?;
        let mut consumers = stream.consumers();
        while let Some(consumer) = consumers.try_next().await? {
            let (waiting, in_flight) = (consumer.num_pending, consumer.num_ack_pending);
            if consumer.config.durable_name.is_some() && (waiting > 0 || in_flight > 0) {
                pending.push(format!("{}: {waiting} messages pending, {in_flight} in flight", consumer.name));
            }
        }
        Ok(pending)
    }

    /// Returns the name of the runtime's stream.
    pub(crate) fn stream(&self) -> String {
        format!("DESPATCH_{}", self.settings.namespace)
    }

    /// Removes the database and the stream.
    pub(crate) async fn clear(self) -> Result {
        // The stream is missing if nothing ran.
        let _ = self.jetstream.delete_stream(self.stream()).await;
        let name = &self.settings.namespace;
        self.admin.batch_execute(&format!("drop database {name} with (force)")).await?;
        Ok(())
    }
}

/// Connects. The connection ends with its client.
pub(crate) async fn connect(url: &str) -> Result<Client> {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
    tokio::spawn(connection);
    Ok(client)
}
