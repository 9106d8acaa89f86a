//! How many orders there are.

use despatch_runtime::{Database, DbError};

/// How many orders the gateway ever accepted into its database.
pub async fn count_orders(db: &Database) -> Result<i64, DbError> {
    Ok(db
        .client()
        .await?
        .query_one("select count(*) from gateway.orders where is_placed", &[])
        .await?
        .try_get(0)?)
}
