//! Postgres: the pool, what its errors mean, and the read-only view that `prepare` gets.

use std::str::FromStr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use deadpool_postgres::{
    Hook, HookError, Manager, ManagerConfig, Object, Pool, PoolError, RecyclingMethod, Runtime,
};
use rustls::{ClientConfig, RootCertStore};
use tokio_postgres::config::SslMode;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::ToSql;
use tokio_postgres::{NoTls, Row};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::gather::{BatchParams, QueryBatcher};
use crate::job::chain;

/// A statement's parameters.
pub type Params<'a> = &'a [&'a (dyn ToSql + Sync)];

/// How long to wait for a connection before the database counts as unreachable.
const PATIENCE: Duration = Duration::from_secs(5);

/// Every statement of a worker is a look-up by key, on tables that were empty when it was first planned. So a statement is
/// planned once for a connection, since planning a short one takes longer than running it, and by its indexes, whatever
/// the tables' size was at the time.
const LOOK_UPS: &str =
    "set plan_cache_mode = force_generic_plan; set enable_seqscan = off; set random_page_cost = 1";

/// For those who only look.
const LOOKS: &str = "set default_transaction_read_only = on; set statement_timeout = '5s'";

/// What the database answered instead of a result.
#[derive(Debug, Clone, thiserror::Error)]
pub enum DbError {
    /// The connection string cannot be read.
    #[error("database URL: {0}")]
    Url(Arc<tokio_postgres::Error>),
    /// No connection could be had.
    #[error("database unreachable: {0}")]
    Unreachable(String),
    /// A statement failed.
    #[error("{}", describe(.0))]
    Statement(Arc<tokio_postgres::Error>),
}

impl From<tokio_postgres::Error> for DbError {
    fn from(error: tokio_postgres::Error) -> Self {
        DbError::Statement(Arc::new(error))
    }
}

/// What an error asks of whoever sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DbErrorKind {
    /// Wait until the database is back.
    Unreachable,
    /// Run the transaction again: another one was in the way.
    Contention,
    /// A row is already there.
    Duplicate,
    /// The transaction had failed before; the error that matters is an earlier one.
    Aftermath,
    /// The statement itself is at fault.
    Statement,
}

impl DbError {
    pub(crate) fn kind(&self) -> DbErrorKind {
        let DbError::Statement(error) = self else { return DbErrorKind::Unreachable };
        let Some(state) = error.code() else {
            // Without a code the error is the client's: a closed connection, or a parameter that does not fit.
            return if error.is_closed() || is_io(error) {
                DbErrorKind::Unreachable
            } else {
                DbErrorKind::Statement
            };
        };
        match state {
            &SqlState::T_R_DEADLOCK_DETECTED
            | &SqlState::T_R_SERIALIZATION_FAILURE
            | &SqlState::LOCK_NOT_AVAILABLE => DbErrorKind::Contention,
            // A statement that ran out of its time, not a server that is going away.
            &SqlState::QUERY_CANCELED => DbErrorKind::Statement,
            &SqlState::UNIQUE_VIOLATION => DbErrorKind::Duplicate,
            &SqlState::IN_FAILED_SQL_TRANSACTION => DbErrorKind::Aftermath,
            other if ["08", "53", "57", "58"].contains(&&other.code()[..2]) => DbErrorKind::Unreachable,
            _ => DbErrorKind::Statement,
        }
    }
}

fn is_io(error: &tokio_postgres::Error) -> bool {
    std::error::Error::source(error).is_some_and(<dyn std::error::Error>::is::<std::io::Error>)
}

fn describe(error: &tokio_postgres::Error) -> String {
    match error.as_db_error() {
        Some(db) => format!("{} ({})", db.message(), db.code().code()),
        None => match std::error::Error::source(error) {
            Some(source) => format!("{error}: {source}"),
            None => error.to_string(),
        },
    }
}

impl From<PoolError> for DbError {
    fn from(error: PoolError) -> Self {
        DbError::Unreachable(chain(&error))
    }
}

/// A pool of connections to one database.
#[derive(Debug, Clone)]
pub struct Database {
    pool: Pool,
}

impl Database {
    /// Prepares to connect; connections are made when they are first needed.
    ///
    /// `url` is a `postgres://` URL or a libpq key-value string. With `sslmode=require` the server's certificate is
    /// verified, by the system's authorities or those of `SSL_CERT_FILE`.
    pub fn new(url: &str, connections: usize) -> Result<Self, DbError> {
        Database::with(url, connections, "")
    }

    /// The same for statements that find their rows by key. One that reads whole tables is slower here.
    pub fn with_index_plans(url: &str, connections: usize) -> Result<Self, DbError> {
        Database::with(url, connections, LOOK_UPS)
    }

    /// A single connection that can change nothing, and waits for no statement for long.
    pub(crate) fn read_only(url: &str) -> Result<Self, DbError> {
        Database::with(url, 1, LOOKS)
    }

    /// `session` is what each new connection runs first.
    fn with(url: &str, connections: usize, session: &'static str) -> Result<Self, DbError> {
        let mut config =
            tokio_postgres::Config::from_str(url).map_err(|error| DbError::Url(Arc::new(error)))?;
        config.connect_timeout(PATIENCE);
        // Idle connections of a host that vanished must not look alive for two hours.
        config.keepalives_idle(Duration::from_secs(30));
        let manager = ManagerConfig { recycling_method: RecyclingMethod::Fast };
        // Whoever asks for it gets a server that proves who it is, or none.
        let manager = match config.get_ssl_mode() {
            SslMode::Require => Manager::from_config(config, verified(), manager),
            _ => Manager::from_config(config, NoTls, manager),
        };
        let pool = Pool::builder(manager)
            .max_size(connections)
            .runtime(Runtime::Tokio1)
            .wait_timeout(Some(PATIENCE * 6))
            .create_timeout(Some(PATIENCE))
            .post_create(Hook::async_fn(move |client, _| {
                Box::pin(async move { client.batch_execute(session).await.map_err(HookError::Backend) })
            }))
            .build()
            .map_err(|error| DbError::Unreachable(error.to_string()))?;
        Ok(Database { pool })
    }

    /// A connection from the pool.
    pub async fn client(&self) -> Result<Object, DbError> {
        Ok(self.pool.get().await?)
    }
}

/// TLS, with the authorities that this machine trusts.
fn verified() -> MakeRustlsConnect {
    static CONFIG: LazyLock<ClientConfig> = LazyLock::new(|| {
        // The first caller in the process wins; everyone in it asks for the same.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let found = rustls_native_certs::load_native_certs();
        for error in found.errors {
            tracing::warn!(%error, "an authority's certificate cannot be read");
        }
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(found.certs);
        ClientConfig::builder().with_root_certificates(roots).with_no_client_auth()
    });
    MakeRustlsConnect::new(CONFIG.clone())
}

/// What is known now, for deciding what to do. Each query sees the latest committed state.
pub struct Reader<'a> {
    gatherer: &'a QueryBatcher,
    unreachable: AtomicBool,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(gatherer: &'a QueryBatcher) -> Self {
        Reader { gatherer, unreachable: AtomicBool::new(false) }
    }

    /// Reads rows with a statement that events share; as [`Tx::query_batched`](crate::Tx::query_batched).
    pub async fn query_batched<V: BatchParams>(
        &self,
        sql: &'static str,
        values: V,
    ) -> Result<Vec<Row>, DbError> {
        let answer = self.gatherer.ask(sql, values).await;
        if answer.as_ref().is_err_and(|error| error.kind() == DbErrorKind::Unreachable) {
            self.unreachable.store(true, Ordering::Relaxed);
        }
        answer
    }

    /// Whether a query failed because the database was away.
    pub(crate) fn lost(&self) -> bool {
        self.unreachable.load(Ordering::Relaxed)
    }
}
