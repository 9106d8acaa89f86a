//! Schema migrations of a worker: the runtime's own tables, the worker's, and the journal's partitions.

use crate::journal::partitions::{partition, partitions_ahead, weeks_ahead};

use crate::db::{Database, DbError};

/// One step of a schema's history. Released steps never change; new ones are appended.
#[derive(Debug, Clone, Copy)]
pub struct Migration {
    /// The name, which sorts after the names of earlier steps, e.g. `0002_lots`.
    pub name: &'static str,
    /// Statements that run in one transaction.
    pub sql: &'static str,
}

/// The runtime's own steps, which run before the worker's.
pub(crate) const RUNTIME: [Migration; 1] =
    [Migration { name: "0000_runtime", sql: include_str!("../../migrations/0000_runtime.sql") }];

/// The one clock for everything due, in every statement, so that a test can move time by replacing it. An existing
/// function is kept, because a worker's role does not own it and cannot change it.
const CLOCK: &str = "\
    do $$ begin
        if to_regproc('public.despatch_now') is null then
            create function public.despatch_now() returns timestamptz
                language sql stable parallel safe return now();
        end if;
    -- Another worker of the database has started at the same time. A lock would not help: what this session has read of
    -- the catalogue before it waits is what it reads after.
    exception when duplicate_function or unique_violation then null;
    end $$";

/// Applies the missing steps, once, however many processes migrate at the same time.
pub(crate) async fn migrate(db: &Database, schema: &str, steps: &[Migration]) -> Result<(), DbError> {
    let mut client = db.client().await?;
    let tx = client.transaction().await?;
    tx.execute("select pg_advisory_xact_lock(hashtextextended('despatch.migrate.' || $1, 0))", &[&schema])
        .await?;
    tx.batch_execute(&format!(
        "{CLOCK};
         create schema if not exists {schema};
         create table if not exists {schema}.migration (
             name text primary key, applied_at timestamptz not null default despatch_now());"
    ))
    .await?;
    let applied: Vec<String> = tx
        .query(&format!("select name from {schema}.migration"), &[])
        .await?
        .iter()
        .map(|row| row.get(0))
        .collect();
    for step in RUNTIME.iter().chain(steps) {
        if !applied.iter().any(|name| name == step.name) {
            tx.batch_execute(&step.sql.replace("{schema}", schema)).await?;
            tx.execute(&format!("insert into {schema}.migration (name) values ($1)"), &[&step.name]).await?;
            tracing::info!(schema, step = step.name, "schema migrated");
        }
    }
    if applied.is_empty() {
        // In the same transaction as the tables. Otherwise rows could be written before the partitions exist, and
        // attaching a week's partition fails while rows for it are on their way into the default one.
        let now = tx.query_one("select despatch_now()", &[]).await?.get(0);
        for from in weeks_ahead(now) {
            partition(&tx, schema, from).await?;
        }
    }
    tx.commit().await?;
    drop(client);
    partitions_ahead(db, schema).await
}

/// Returns the steps that a schema lacks; none when the worker may start.
pub(crate) async fn missing(
    db: &Database,
    schema: &str,
    steps: &[Migration],
) -> Result<Vec<String>, DbError> {
    let client = db.client().await?;
    let there =
        client.query_one("select to_regclass($1) is not null", &[&format!("{schema}.migration")]).await?;
    let mut applied: Vec<String> = Vec::new();
    if there.get(0) {
        let rows = client.query(&format!("select name from {schema}.migration"), &[]).await?;
        applied = rows.iter().map(|row| row.get(0)).collect();
    }
    Ok(RUNTIME
        .iter()
        .chain(steps)
        .map(|step| step.name.to_owned())
        .filter(|name| !applied.contains(name))
        .collect())
}
