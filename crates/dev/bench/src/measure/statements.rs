//! What PostgreSQL executed and wrote to its log for each role, as `pg_stat_statements` counts it.
//!
//! A benchmark gives each worker a role of its own, so that this is by worker. What the extension does not see is what a
//! commit itself writes, and what PostgreSQL writes by itself (vacuum, checkpoints): that is only in the log's position.

use std::collections::BTreeMap;

use tokio_postgres::Client;

use crate::result::Result;

/// What the statements of one role came to.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Executed {
    /// Statements, those that begin and end transactions included.
    pub(crate) statements: f64,
    /// KiB of write-ahead log.
    pub(crate) wal_kib: f64,
}

/// Begins to count, in a database that is new; false where the server does not have the extension loaded.
pub(crate) async fn start(db: &Client) -> Result<bool> {
    let loaded = "select current_setting('shared_preload_libraries') like '%pg_stat_statements%'";
    if !db.query_one(loaded, &[]).await?.get::<_, bool>(0) {
        return Ok(false);
    }
    db.batch_execute("create extension if not exists pg_stat_statements").await?;
    Ok(true)
}

/// Counts from here.
pub(crate) async fn reset(db: &Client) -> Result {
    Ok(db.batch_execute("select pg_stat_statements_reset()").await?)
}

/// What each role executed since the last reset.
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

/// How far the write-ahead log is, in KiB.
pub(crate) async fn wal_kib(db: &Client) -> Result<f64> {
    let sql = "select (pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0') / 1024)::float8";
    Ok(db.query_one(sql, &[]).await?.get(0))
}

/// Transactions that were committed in this database. PostgreSQL tells of them up to a second late.
pub(crate) async fn transactions(db: &Client) -> Result<i64> {
    let sql = "select xact_commit from pg_stat_database where datname = current_database()";
    Ok(db.query_one(sql, &[]).await?.get(0))
}
