//! A database role for each worker. The role owns the worker's schema and can touch no other.
//!
//! A worker must own its tables, because it creates and drops its journal's partitions. The roles cannot log in until
//! an administrator gives them a password, so creating them grants no access.

use crate::db::{Database, DbError};
use crate::worker::Worker;

/// Creates missing roles and transfers existing objects to them. Does nothing if the current user may not create roles.
/// Returns whether it could.
pub(crate) async fn keep(db: &Database, worker: &Worker) -> Result<bool, DbError> {
    let mut client = db.client().await?;
    let tx = client.transaction().await?;
    // All databases of a server share one set of roles, so two of them must not create one at the same time.
    tx.batch_execute("select pg_advisory_xact_lock(hashtextextended('despatch.roles', 0))").await?;
    let may = "select rolsuper or rolcreaterole from pg_roles where rolname = current_user";
    if !tx.query_one(may, &[]).await?.get::<_, bool>(0) {
        return Ok(false);
    }
    let schema = worker.name;
    let owner = make(&tx, schema).await?;
    tx.batch_execute(&format!("alter schema {schema} owner to {owner}")).await?;
    // Indexes and the sequences of columns follow their tables.
    let relations = tx
        .query(
            "select format('alter table %s.%I owner to ', $1::text, relname) from pg_class
              where relnamespace = $1::text::regnamespace and relkind in ('r', 'p', 'v')
                and pg_get_userbyid(relowner) <> current_database() || '_' || $1::text",
            &[&schema],
        )
        .await?;
    for relation in relations {
        tx.batch_execute(&format!("{}{owner}", relation.get::<_, String>(0))).await?;
    }
    for read in &worker.reads {
        let here = tx.query_one("select to_regnamespace($1) is not null", &[read]).await?;
        if !here.get::<_, bool>(0) {
            // The worker has a database of its own.
            continue;
        }
        let other = make(&tx, read).await?;
        tx.batch_execute(&format!(
            "grant usage on schema {read} to {owner};
             grant select on all tables in schema {read} to {owner};
             alter default privileges for role {other} in schema {read} grant select on tables to {owner};"
        ))
        .await?;
    }
    tx.commit().await?;
    Ok(true)
}

/// Returns the quoted role of a worker, created if it is missing.
async fn make(tx: &deadpool_postgres::Transaction<'_>, worker: &str) -> Result<String, DbError> {
    // Databases of one server share its roles.
    let there = "select quote_ident(current_database() || '_' || $1), exists (
                     select from pg_roles where rolname = current_database() || '_' || $1)";
    let row = tx.query_one(there, &[&worker]).await?;
    let (role, exists): (String, bool) = (row.get(0), row.get(1));
    if !exists {
        tx.batch_execute(&format!("create role {role} nologin")).await?;
        tracing::info!(worker, role, "role created");
    }
    // Only a member of a role can transfer something to it.
    tx.batch_execute(&format!("grant {role} to current_user")).await?;
    Ok(role)
}
