//! The pool of connections to PostgreSQL.

use crate::db::hosts::{AnyHost, Hosts};
use std::str::FromStr;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use deadpool_postgres::{
    Hook, HookError, Manager, ManagerConfig, Object, Pool, PoolError, RecyclingMethod, Runtime, TimeoutType,
};
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, SimpleQueryMessage};

use crate::clock::Clock;
use crate::connect_error::{Cause, ConnectError, Place};
use crate::db::error::DbError;
use crate::db::place::{cause, place};

/// A statement's parameters.
pub type Params<'a> = &'a [&'a (dyn ToSql + Sync)];

/// How long a new connection's first statement may take, beyond the time to connect.
const SESSION_TIMEOUT: Duration = Duration::from_secs(5);

/// How long to wait for one of our own connections.
const WAIT_TIMEOUT: Duration = Duration::from_secs(30);

/// Session settings of a pool with index plans. Each statement of a worker finds its rows by key, on tables that were
/// empty when it was planned. So a connection plans a statement once, because planning a short one takes longer than
/// running it, and plans it by indexes, whatever the tables' size was at the time.
const LOOK_UPS: &str =
    "set plan_cache_mode = force_generic_plan; set enable_seqscan = off; set random_page_cost = 1";

/// Session settings for connections that only read.
const LOOKS: &str = "set default_transaction_read_only = on; set statement_timeout = '5s'";

/// Reads the deployment's time in microseconds since 1970.
const TIME: &str = "select (extract(epoch from public.despatch_now()) * 1000000)::int8";

/// A pool of connections to one database.
#[derive(Debug, Clone)]
pub struct Database {
    pool: Pool,
    place: Arc<Place>,
    /// How long connecting may take.
    limit: Duration,
    clock: Arc<Clock>,
}

impl Database {
    /// Creates a pool. It connects when a connection is first needed.
    ///
    /// `url` is a `postgres://` URL or a libpq key-value string. Of several hosts the one that takes writes is connected
    /// to, unless `target_session_attrs` asks for something else. With `sslmode=require` the server's certificate is
    /// verified against the system's authorities or those of `SSL_CERT_FILE`.
    pub fn new(url: &str, connections: usize) -> Result<Self, DbError> {
        Database::with(url, connections, "")
    }

    /// Creates a pool for statements that find their rows by key. A statement that reads whole tables is slower here.
    pub fn with_index_plans(url: &str, connections: usize) -> Result<Self, DbError> {
        Database::with(url, connections, LOOK_UPS)
    }

    /// Creates a pool of one connection that can only read, with a short statement timeout.
    pub(crate) fn read_only(url: &str) -> Result<Self, DbError> {
        Database::with(url, 1, LOOKS)
    }

    /// Creates a pool; each new connection runs `session` first.
    fn with(url: &str, connections: usize, session: &'static str) -> Result<Self, DbError> {
        let config = tokio_postgres::Config::from_str(url).map_err(|error| DbError::Url(Arc::new(error)))?;
        let place = Arc::new(place(&config));
        let hosts = Arc::new(Hosts::of(&config));
        let limit = hosts.limit();
        let manager = Manager::from_connect(
            config,
            AnyHost(hosts.clone()),
            ManagerConfig { recycling_method: RecyclingMethod::Fast },
        );
        let clock = Arc::new(Clock::default());
        let learning = clock.clone();
        let pool = Pool::builder(manager)
            .max_size(connections)
            .runtime(Runtime::Tokio1)
            .wait_timeout(Some(WAIT_TIMEOUT))
            .create_timeout(Some(limit + SESSION_TIMEOUT))
            // Connections of before a host hung are not tried one after the other.
            .pre_recycle(Hook::sync_fn(move |_, metrics| {
                if hosts.hung_since(metrics.created) {
                    return Err(HookError::message("its server hung"));
                }
                Ok(())
            }))
            .post_create(Hook::async_fn(move |client, _| {
                let clock = learning.clone();
                Box::pin(async move { begin(client, session, &clock).await.map_err(HookError::Backend) })
            }))
            .build()
            .map_err(|error| DbError::Unreachable(error.to_string()))?;
        Ok(Database { pool, place, limit, clock })
    }

    /// Returns the database's time, as the connections of this pool know it.
    pub(crate) fn clock(&self) -> &Arc<Clock> {
        &self.clock
    }

    /// Returns a connection from the pool.
    pub async fn client(&self) -> Result<Object, DbError> {
        self.pool.get().await.map_err(|error| {
            let cause = match error {
                PoolError::Timeout(TimeoutType::Wait) => Cause::AllInUse(WAIT_TIMEOUT),
                PoolError::Timeout(TimeoutType::Create | TimeoutType::Recycle) => {
                    Cause::TimedOut(self.limit + SESSION_TIMEOUT)
                }
                PoolError::Backend(error) | PoolError::PostCreateHook(HookError::Backend(error)) => {
                    cause(&error, self.limit)
                }
                other
                @ (PoolError::PostCreateHook(_) | PoolError::Closed | PoolError::NoRuntimeSpecified) => {
                    Cause::Broken(other.to_string())
                }
            };
            DbError::Connect(ConnectError { place: Place::clone(&self.place), cause })
        })
    }
}

/// Begins a session and learns the database's time, in one round trip.
async fn begin(client: &Client, session: &str, clock: &Clock) -> Result<(), tokio_postgres::Error> {
    let asked = Instant::now();
    match client.simple_query(&format!("{session}; {TIME}")).await {
        Ok(answers) => {
            let micros = answers.iter().find_map(|answer| match answer {
                SimpleQueryMessage::Row(row) => row.get(0)?.parse().ok(),
                _ => None,
            });
            if let Some(micros) = micros {
                clock.learn(SystemTime::UNIX_EPOCH + Duration::from_micros(micros), asked);
            }
            Ok(())
        }
        // Before its first migration the database does not have the function.
        Err(error) if error.as_db_error().is_some() => client.batch_execute(session).await,
        Err(error) => Err(error),
    }
}
