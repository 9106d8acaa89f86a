//! Postgres: the pool, what its errors mean, and the read-only view that `prepare` gets.

use std::str::FromStr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use deadpool_postgres::{Manager, ManagerConfig, Object, Pool, PoolError, RecyclingMethod, Runtime};
use tokio_postgres::error::SqlState;
use tokio_postgres::types::ToSql;
use tokio_postgres::{NoTls, Row};

/// A statement's parameters.
pub type Params<'a> = &'a [&'a (dyn ToSql + Sync)];

/// How long to wait for a connection before the database counts as unreachable.
const PATIENCE: Duration = Duration::from_secs(5);

/// What the database answered instead of a result.
#[derive(Debug, thiserror::Error)]
pub enum DbError {
    /// The connection string cannot be read.
    #[error("database URL: {0}")]
    Url(tokio_postgres::Error),
    /// No connection could be had.
    #[error("database unreachable: {0}")]
    Unreachable(String),
    /// A statement failed.
    #[error("{}", describe(.0))]
    Statement(#[from] tokio_postgres::Error),
}

/// What an error asks of whoever sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trouble {
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
    pub(crate) fn trouble(&self) -> Trouble {
        let DbError::Statement(error) = self else { return Trouble::Unreachable };
        let Some(state) = error.code() else {
            // Without a code the error is the client's: a closed connection, or a parameter that does not fit.
            return if error.is_closed() || is_io(error) { Trouble::Unreachable } else { Trouble::Statement };
        };
        match state {
            &SqlState::T_R_DEADLOCK_DETECTED
            | &SqlState::T_R_SERIALIZATION_FAILURE
            | &SqlState::LOCK_NOT_AVAILABLE => Trouble::Contention,
            // A statement that ran out of its time, not a server that is going away.
            &SqlState::QUERY_CANCELED => Trouble::Statement,
            &SqlState::UNIQUE_VIOLATION => Trouble::Duplicate,
            &SqlState::IN_FAILED_SQL_TRANSACTION => Trouble::Aftermath,
            other if ["08", "53", "57", "58"].contains(&&other.code()[..2]) => Trouble::Unreachable,
            _ => Trouble::Statement,
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
        DbError::Unreachable(error.to_string())
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
    /// `url` is a `postgres://` URL or a libpq key-value string.
    pub fn new(url: &str, connections: usize) -> Result<Self, DbError> {
        let mut config = tokio_postgres::Config::from_str(url).map_err(DbError::Url)?;
        config.connect_timeout(PATIENCE);
        // Idle connections of a host that vanished must not look alive for two hours.
        config.keepalives_idle(Duration::from_secs(30));
        let manager = ManagerConfig { recycling_method: RecyclingMethod::Fast };
        let pool = Pool::builder(Manager::from_config(config, NoTls, manager))
            .max_size(connections)
            .runtime(Runtime::Tokio1)
            .wait_timeout(Some(PATIENCE * 6))
            .create_timeout(Some(PATIENCE))
            .build()
            .map_err(|error| DbError::Unreachable(error.to_string()))?;
        Ok(Database { pool })
    }

    /// A connection from the pool.
    pub async fn client(&self) -> Result<Object, DbError> {
        Ok(self.pool.get().await?)
    }

    /// A connection for reading, as `prepare` sees it.
    pub(crate) async fn reader(&self) -> Result<Reader, DbError> {
        Ok(Reader { client: self.client().await?, unreachable: AtomicBool::new(false) })
    }
}

/// Owns the connection that [`Snapshot`]s borrow.
pub(crate) struct Reader {
    client: Object,
    unreachable: AtomicBool,
}

impl Reader {
    pub(crate) fn snapshot(&self) -> Snapshot<'_> {
        Snapshot { reader: self }
    }

    /// Whether a query failed because the database was away.
    pub(crate) fn lost(&self) -> bool {
        self.unreachable.load(Ordering::Relaxed)
    }

    fn note(&self, error: tokio_postgres::Error) -> DbError {
        let error = DbError::Statement(error);
        if error.trouble() == Trouble::Unreachable {
            self.unreachable.store(true, Ordering::Relaxed);
        }
        error
    }
}

/// What is known now, for deciding what to do. Each query sees the latest committed state.
#[derive(Clone, Copy)]
pub struct Snapshot<'a> {
    reader: &'a Reader,
}

impl Snapshot<'_> {
    /// Reads rows.
    pub async fn query(&self, sql: &'static str, params: Params<'_>) -> Result<Vec<Row>, DbError> {
        let client = &self.reader.client;
        let answer = async {
            let statement = client.prepare_cached(sql).await?;
            client.query(&statement, params).await
        };
        answer.await.map_err(|error| self.reader.note(error))
    }

    /// Reads at most one row.
    pub async fn query_opt(&self, sql: &'static str, params: Params<'_>) -> Result<Option<Row>, DbError> {
        Ok(self.query(sql, params).await?.into_iter().next())
    }
}
