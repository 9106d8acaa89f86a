//! The audit of the stock's positions, each by itself.

use despatch_runtime::{Database, DbError};

use super::discrepancy::Discrepancy;

/// Returns the positions whose units do not add up.
pub(super) async fn check(database: &Database) -> Result<Vec<Discrepancy>, DbError> {
    let rows = database.client().await?.query(POSITIONS, &[]).await?;
    let wrong = rows.iter().map(|row| {
        let number = |column: &str| row.get::<_, i64>(column);
        let (sku, location): (&str, &str) = (row.get("sku"), row.get("location"));
        Discrepancy {
            about: format!("stock of {sku} at {location}"),
            wrong: format!(
                "{} by the ledger, but {} available + {} reserved + {} shipped",
                number("recorded"),
                number("available"),
                number("reserved"),
                number("shipped")
            ),
        }
    });
    Ok(wrong.collect())
}

const POSITIONS: &str = "
    select sku, location, coalesce(recorded, 0)::bigint as recorded, available, reserved, shipped
      from inventory.position
      left join (select sku, location, sum(units) as recorded from inventory.bucket
                  where bucket in ('available', 'reserved', 'customer') group by sku, location) ledger
     using (sku, location)
     where coalesce(recorded, 0) <> available + reserved + shipped
        or available < 0 or reserved < 0 or shipped < 0";
