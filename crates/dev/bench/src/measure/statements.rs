//! PostgreSQL's statements and write-ahead log for each role, as `pg_stat_statements` counts them.
//!
//! A benchmark gives each worker a role of its own, so that the figures are by worker. The extension does not see what
//! a commit writes, or what PostgreSQL writes by itself (vacuum, checkpoints). Those are only in the log's position.

use std::collections::BTreeMap;

use tokio_postgres::Client;

use crate::result::Result;

/// The statements of one role.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Executed {
    /// The number of statements, those that begin and end transactions included.
    pub(crate) statements: f64,
    /// KiB of write-ahead log.
    pub(crate) wal_kib: f64,
}

/// Begins to count in a new database; returns false if the server has not loaded the extension.
pub(crate) async fn start(db: &Client) -> Result<bool> {
    let loaded = "select current_setting('shared_preload_libraries') like '%pg_stat_statements%'";
    if !db.query_one(loaded, &[]).await?.get::<_, bool>(0) {
        return Ok(false);
    }
    db.batch_execute("create extension if not exists pg_stat_statements").await?;
    Ok(true)
}

/// Resets the counts.
pub(crate) async fn reset(db: &Client) -> Result {
    Ok(db.batch_execute("select pg_stat_statements_reset()").await?)
}

/// Returns the statements of each role since the last reset.
pub(crate) async fn by_role(db: &Client) -> Result<BTreeMap<String, Executed>> {
    let sql = "select rolname::text, sum(calls)::float8, sum(wal_bytes)::float8 / 1024
                 from pg_stat_statements join pg_roles on pg_roles.oid = userid
                where dbid = (select oid from pg_database where datname = current_database())
                group by 1";
    let rows = db.query(sql, &[]).await?;
    Ok(rows
        .iter()
        .map(|row| (row.get(0), Executed { statements: row.get(1), wal_kib: row.get(2) }))
        .collect())
}

/// Returns the position of the write-ahead log in KiB.
pub(crate) async fn wal_kib(db: &Client) -> Result<f64> {
    let sql = "select (pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0') / 1024)::float8";
    Ok(db.query_one(sql, &[]).await?.get(0))
}

/// Returns the number of committed transactions in this database. PostgreSQL reports them up to a second late.
pub(crate) async fn transactions(db: &Client) -> Result<i64> {
    let sql = "select xact_commit from pg_stat_database where datname = current_database()";
    Ok(db.query_one(sql, &[]).await?.get(0))
}
