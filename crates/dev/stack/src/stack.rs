//! A running stack.

use std::io;
use std::path::Path;
use std::sync::Arc;

use crate::error::{Program, StackError};
use crate::lock::DataDirLock;
use crate::options::Options;
use crate::port::Wanted;
use crate::probe::Probe;
use crate::server::Server;
use crate::watch::{ServerEvent, keep};
use crate::{nats, postgres};

/// A NATS and a PostgreSQL that serve.
///
/// Prefer [`Stack::stop`]. Dropping a stack ends its servers too, but blocks the thread while it waits for them, and
/// kills what has not ended after a few seconds.
pub struct Stack {
    // Fields drop in this order: the data directory is released only after its servers have ended.
    nats: Server,
    postgres: Server,
    lock: Option<DataDirLock>,
    options: Options,
}

impl Stack {
    /// Starts both servers at the same time and returns when both serve.
    ///
    /// Waits for servers that a killed owner of the same directory left behind, and keeps their data and, if still
    /// free, their ports.
    pub async fn start(options: Options) -> Result<Self, StackError> {
        let all_given = options.nats_url.is_some() && options.database_url.is_some();
        let lock = if all_given { None } else { Some(DataDirLock::take(&options.data_dir).await?) };
        Stack::start_in(lock, options).await
    }

    /// Starts both servers for an owner of `options.data_dir` that has locked it already.
    pub async fn start_locked(lock: DataDirLock, options: Options) -> Result<Self, StackError> {
        Stack::start_in(Some(lock), options).await
    }

    async fn start_in(lock: Option<DataDirLock>, options: Options) -> Result<Self, StackError> {
        let nats = async {
            match &options.nats_url {
                Some(url) => Ok(Server::Given(url.clone())),
                None => nats::start(&options, Wanted::Any).await.map(Server::Ours),
            }
        };
        let postgres = async {
            match &options.database_url {
                Some(url) => Ok(Server::Given(url.clone())),
                None => postgres::start(&options, Wanted::Any).await.map(Server::Ours),
            }
        };
        let (nats, postgres) = tokio::try_join!(nats, postgres)?;
        Ok(Self { nats, postgres, lock, options })
    }

    /// Returns `nats://user:password@127.0.0.1:port`, or the URL given in the options.
    pub fn nats_url(&self) -> &str {
        self.nats.url()
    }

    /// Returns `postgres://user:password@127.0.0.1:port/despatch`, or the URL given in the options.
    pub fn database_url(&self) -> &str {
        self.postgres.url()
    }

    /// Returns the process id of the nats-server that this stack started.
    pub fn nats_pid(&self) -> Option<u32> {
        self.nats.pid()
    }

    /// Returns the process id of the postmaster that this stack started.
    pub fn postgres_pid(&self) -> Option<u32> {
        self.postgres.pid()
    }

    /// Returns where NATS's store is kept, if the latest start could not read it.
    pub fn nats_store_set_aside(&self) -> Option<&Path> {
        self.nats.set_aside()
    }

    /// Watches both servers for as long as it is polled, and restarts one that ends or hangs. Its URL stays the same.
    ///
    /// `nats_probe` asks NATS to store a message; PostgreSQL is asked to commit a change. `tell` gets
    /// everything that happens to them. A stack without servers of its own has nothing to watch, and then this never returns.
    ///
    /// If the future is dropped during a restart, the server may be left stopped.
    pub async fn watch(&mut self, nats_probe: Probe, tell: impl Fn(ServerEvent) + Sync) {
        let options = Options { progress: |_| {}, ..self.options.clone() };
        let postgres_probe: Probe = Arc::new(|url| Box::pin(async move { postgres::commits(&url).await }));
        let keep = async |program, server: &mut Server, probe| match server {
            Server::Ours(server) => keep(program, server, &options, &probe, &tell).await,
            Server::Given(_) => std::future::pending().await,
        };
        tokio::join!(
            keep(Program::Nats, &mut self.nats, nats_probe),
            keep(Program::Postgres, &mut self.postgres, postgres_probe),
        );
    }

    /// Stops this stack's nats-server, or what is left of it, and starts it again. Its URL stays the same.
    pub async fn restart_nats(&mut self) -> Result<(), StackError> {
        self.restart_nats_meanwhile(|_| Ok(())).await
    }

    /// Restarts NATS. In between, while no server uses it, `meanwhile` gets the directory of NATS's store, which need
    /// not exist.
    pub async fn restart_nats_meanwhile(
        &mut self,
        meanwhile: impl FnOnce(&Path) -> io::Result<()>,
    ) -> Result<(), StackError> {
        if self.nats.stop().await? {
            let store = self.options.data_dir.join("nats").join("jetstream");
            meanwhile(&store).map_err(StackError::io("change", &store))?;
            self.nats = Server::Ours(nats::start(&self.options, Wanted::Same).await?);
        }
        Ok(())
    }

    /// Stops this stack's PostgreSQL, or what is left of it, and starts it again. Its URL stays the same.
    pub async fn restart_postgres(&mut self) -> Result<(), StackError> {
        if self.postgres.stop().await? {
            self.postgres = Server::Ours(postgres::start(&self.options, Wanted::Same).await?);
        }
        Ok(())
    }

    /// Ends both servers in order and waits until they are gone.
    pub async fn stop(self) -> Result<(), StackError> {
        let Self { mut nats, mut postgres, lock, options: _ } = self;
        let (nats, postgres) = tokio::join!(nats.stop(), postgres.stop());
        drop(lock);
        nats.and(postgres).map(|_| ())
    }
}
