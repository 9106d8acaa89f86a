//! Checks that a run did all of its work, once.

use tokio_postgres::Client;

use crate::load::run_env::RunEnv;
use crate::load::steps::SCHEMAS;
use crate::result::Result;

/// Fails unless every order has completed each step once, and nothing is left to do.
pub(crate) async fn audit(env: &RunEnv, orders: usize) -> Result {
    let db = env.db().await?;
    for schema in SCHEMAS {
        audit_step(&db, schema, orders).await?;
    }
    Ok(())
}

/// Fails unless every order has completed one step once.
pub(crate) async fn audit_step(db: &Client, schema: &str, orders: usize) -> Result {
    let orders = i64::try_from(orders)?;
    let sql = format!(
        "select (select count(*) from {schema}.result),
                (select count(*) from {schema}.journal where state = 'done'),
                (select count(*) from {schema}.journal where state <> 'done'),
                (select count(*) from {schema}.outbox_batch)"
    );
    let row = db.query_one(&sql, &[]).await?;
    let found: [i64; 4] = [0, 1, 2, 3].map(|column| row.get(column));
    if found != [orders, orders, 0, 0] {
        let [results, done, unsettled, open] = found;
        return Err(format!(
            "{schema}: {orders} orders were placed; there are {results} results, {done} journal rows done and \
             {unsettled} not, {open} outbox batches"
        )
        .into());
    }
    Ok(())
}
