//! The audit of the stock: what the stock and the orders count, against the ledger; and the ledger of requests.

use despatch_inventory::store::LAW;
use despatch_runtime::{Database, DbError};

use super::discrepancy::Discrepancy;
use super::stock_requests::Ledger;

/// Orders whose units, held or sent, differ between the ledger and their allocations.
const ORDERS: &str = "
    WITH moved AS (
        SELECT order_id, sku, location, side.bucket, sum(side.units)::int8 AS units
        FROM inventory.movement
        CROSS JOIN LATERAL (VALUES (to_bucket, quantity), (from_bucket, -quantity)) AS side (bucket, units)
        WHERE order_id IS NOT NULL AND side.bucket IN ('reserved', 'customer') GROUP BY 1, 2, 3, 4
    ), held AS (
        SELECT order_id, sku, location, CASE WHEN shipped_at IS NULL THEN 'reserved' ELSE 'customer' END AS bucket,
               sum(quantity)::int8 AS units
        FROM inventory.allocation GROUP BY 1, 2, 3, 4
    )
    SELECT order_id, sku, location, bucket, coalesce(held.units, 0) AS counted, coalesce(moved.units, 0) AS recorded
    FROM moved FULL JOIN held USING (order_id, sku, location, bucket)
    WHERE coalesce(held.units, 0) <> coalesce(moved.units, 0)";

/// Units that requests moved. Those that an order got back after a count are not the request's.
const MOVED: &str = "
    SELECT request_id, sku, location, from_bucket, to_bucket, sum(quantity)::int8 AS units
    FROM inventory.movement WHERE request_id <> '' AND kind <> 'stock.withdrawn' GROUP BY 1, 2, 3, 4, 5";

const TRANSIT: &str = "
    SELECT sku, sum(units)::int8 AS units FROM inventory.bucket WHERE bucket = 'transit' GROUP BY 1";

/// Returns the positions that break the law of the ledger, and the orders that hold other units than the ledger says.
pub(super) async fn check(database: &Database) -> Result<Vec<Discrepancy>, DbError> {
    let client = database.client().await?;
    let mut found = Vec::new();
    for row in client.query(LAW, &[]).await? {
        let [sku, location, bucket] = ["sku", "location", "bucket"].map(|column| row.get::<_, &str>(column));
        let (counted, recorded): (Option<i64>, i64) = (row.get("counted"), row.get("recorded"));
        let about = format!("stock of {sku} at {location}");
        let wrong = format!("{} {bucket}, but {recorded} by the ledger", counted.unwrap_or_default());
        found.push(Discrepancy { about, wrong });
    }
    for row in client.query(ORDERS, &[]).await? {
        let [order_id, sku, location, bucket] =
            ["order_id", "sku", "location", "bucket"].map(|column| row.get::<_, &str>(column));
        let (counted, recorded): (i64, i64) = (row.get("counted"), row.get("recorded"));
        let wrong = format!("{counted} of {sku} at {location} are {bucket}, but {recorded} by the ledger");
        found.push(Discrepancy { about: format!("order {order_id}"), wrong });
    }
    Ok(found)
}

/// Reads the ledger as far as requests changed it.
pub(super) async fn ledger(database: &Database) -> Result<Ledger, DbError> {
    let client = database.client().await?;
    let moved = client.query(MOVED, &[]).await?;
    let transit = client.query(TRANSIT, &[]).await?;
    Ok(Ledger {
        moved: moved
            .iter()
            .map(|row| ((row.get(0), row.get(1), row.get(2), row.get(3), row.get(4)), row.get(5)))
            .collect(),
        transit: transit.iter().map(|row| (row.get(0), row.get(1))).collect(),
    })
}

/// Returns the units that counts took from orders, and how many orders still lack some of them.
pub(super) async fn taken_by_counts(database: &Database) -> Result<(i64, i64), DbError> {
    let sql = "
        SELECT (SELECT coalesce(sum(quantity), 0)::int8 FROM inventory.movement
                WHERE from_bucket = 'reserved' AND to_bucket = 'missing') AS taken,
               (SELECT count(*) FROM inventory.reservation
                WHERE withdrawn > 0 AND state IN ('held', 'confirmed')) AS lacking";
    let row = database.client().await?.query_one(sql, &[]).await?;
    Ok((row.get("taken"), row.get("lacking")))
}
