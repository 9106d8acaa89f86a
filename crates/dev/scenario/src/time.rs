//! Moving a deployment's time, for what would take days.

use std::time::Duration;

use despatch_runtime::{Database, DbError};

/// Moves the database's time forward by this much, for every statement from now on. The database's user has to own
/// `despatch_now()`, as the one who migrated does.
pub async fn advance_time(database: &Database, by: Duration) -> Result<(), DbError> {
    Ok(database.client().await?.batch_execute(&despatch_stack::advance_time(by)).await?)
}
