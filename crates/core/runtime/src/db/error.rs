//! Database errors, and what each asks of the caller.

use std::sync::Arc;

use tokio_postgres::error::SqlState;

use crate::connect_error::ConnectError;

/// An error of the database.
#[derive(Debug, Clone, thiserror::Error)]
pub enum DbError {
    /// The connection string cannot be parsed.
    #[error("database URL: {0}")]
    Url(Arc<tokio_postgres::Error>),
    /// No connection is available.
    #[error("{0}")]
    Connect(#[source] ConnectError),
    /// The task that asks the database has ended.
    #[error("database unreachable: {0}")]
    Unreachable(String),
    /// A statement failed.
    #[error("{}", describe(.0))]
    Statement(Arc<tokio_postgres::Error>),
    /// The calling code misuses this API.
    #[error("{0}")]
    Misuse(String),
}

impl From<tokio_postgres::Error> for DbError {
    fn from(error: tokio_postgres::Error) -> Self {
        DbError::Statement(Arc::new(error))
    }
}

/// The reaction that an error asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum DbErrorKind {
    /// Wait until the database is reachable.
    Unreachable,
    /// Run the transaction again: another one was in the way.
    Contention,
    /// A row with this key exists already.
    Duplicate,
    /// A value does not fit: a data exception, a violated constraint or a limit. Other values may fit.
    Data,
    /// The transaction had failed before; an earlier error is the cause.
    Aftermath,
    /// The statement itself is wrong.
    Statement,
}

impl DbError {
    /// Returns the reaction that the error asks for, by its SQLSTATE class.
    pub fn kind(&self) -> DbErrorKind {
        let error = match self {
            DbError::Statement(error) => error,
            DbError::Url(_) | DbError::Connect(_) | DbError::Unreachable(_) => {
                return DbErrorKind::Unreachable;
            }
            DbError::Misuse(_) => return DbErrorKind::Statement,
        };
        let Some(state) = error.code() else {
            // An error without a code is the client's: a closed connection, or a parameter that does not fit.
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
            // A statement that exceeded its timeout, not a server that shuts down.
            &SqlState::QUERY_CANCELED => DbErrorKind::Statement,
            // A server that has become a standby. Its successor is found by a new connection.
            &SqlState::READ_ONLY_SQL_TRANSACTION => DbErrorKind::Unreachable,
            &SqlState::UNIQUE_VIOLATION => DbErrorKind::Duplicate,
            &SqlState::IN_FAILED_SQL_TRANSACTION => DbErrorKind::Aftermath,
            // https://www.postgresql.org/docs/current/errcodes-appendix.html lists the classes.
            other if ["22", "23", "54"].contains(&&other.code()[..2]) => DbErrorKind::Data,
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
