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
                "{} arrived, {} booked as received, but {} available + {} reserved + {} shipped",
                number("arrived"),
                number("received"),
                number("available"),
                number("reserved"),
                number("shipped")
            ),
        }
    });
    Ok(wrong.collect())
}

const POSITIONS: &str = "
    select sku, location, coalesce(arrived, 0) as arrived, received, available, reserved, shipped
      from inventory.position
      left join (select sku, location, sum(quantity)::bigint as arrived
                   from inventory.receipt group by sku, location) receipts using (sku, location)
     where received <> available + reserved + shipped or received <> coalesce(arrived, 0)
        or available < 0 or reserved < 0 or shipped < 0";
