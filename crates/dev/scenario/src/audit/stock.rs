//! The audit of the stock: what the stock and the orders count, against the ledger.

use despatch_inventory::store::LAW;
use despatch_runtime::{Database, DbError};

use super::discrepancy::Discrepancy;

/// Returns the positions that break the law of the ledger.
pub(super) async fn check(database: &Database) -> Result<Vec<Discrepancy>, DbError> {
    let rows = database.client().await?.query(LAW, &[]).await?;
    let wrong = rows.iter().map(|row| {
        let [sku, location, bucket] = ["sku", "location", "bucket"].map(|column| row.get::<_, &str>(column));
        let (counted, recorded): (Option<i64>, i64) = (row.get("counted"), row.get("recorded"));
        Discrepancy {
            about: format!("stock of {sku} at {location}"),
            wrong: format!("{} {bucket}, but {recorded} by the ledger", counted.unwrap_or_default()),
        }
    });
    Ok(wrong.collect())
}
