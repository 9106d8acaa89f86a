//! Queries that other crates share: locations, an order's reservation, the totals.

use std::time::SystemTime;

use despatch_routing::Allocation;
use despatch_runtime::DbError;
use tokio_postgres::GenericClient;

use super::reservation::{State, allocation};

/// An order's claim on stock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reservation {
    /// The state of the claim.
    pub state: State,
    /// The time of expiry, while it is held.
    pub expires_at: Option<SystemTime>,
    /// The order's allocations by parcel, each with whether the carrier has it.
    pub allocations: Vec<(Allocation, bool)>,
}

/// Units over all SKUs and locations. Each is counted at its source: received in the ledger, available in the stock, reserved and
/// shipped with the orders. Received is the sum of the others, or a count is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Totals {
    /// Units that came in, less those that left other than to a customer.
    pub received: i64,
    /// Units that can be sold.
    pub available: i64,
    /// Units that orders hold.
    pub reserved: i64,
    /// Units that carriers have.
    pub shipped: i64,
    /// Units that are missing, damaged or in quarantine.
    pub set_aside: i64,
}

/// The law's statement: conditions on the counters' SKUs, on the ledger's and on orders' units, and the buckets that counters hold.
macro_rules! law {
    ($of_sku:literal, $of_orders:literal, $counted:literal) => {
        concat!(
            "WITH counted AS (
                 SELECT sku, location, 'available' AS bucket, available AS units FROM inventory.stock WHERE ",
            $of_sku,
            " UNION ALL
                 SELECT sku, location, CASE WHEN shipped_at IS NULL THEN 'reserved' ELSE 'customer' END, sum(quantity)::int8
                 FROM inventory.allocation WHERE ",
            $of_sku,
            " AND ",
            $of_orders,
            " GROUP BY 1, 2, 3
             ), recorded AS (
                 SELECT sku, location, bucket, units FROM inventory.bucket WHERE ",
            $of_sku,
            ")
             SELECT sku, location, bucket, counted.units AS counted, coalesce(recorded.units, 0) AS recorded
             FROM counted FULL JOIN recorded USING (sku, location, bucket)
             WHERE (bucket IN (",
            $counted,
            ") AND coalesce(counted.units, 0) <> coalesce(recorded.units, 0))
                OR (bucket IN ('available', 'reserved', 'quarantine', 'damaged', 'missing', 'customer') AND recorded.units < 0)"
        )
    };
}

/// Positions that break the law of the ledger. For each SKU and location, the movements sum up to the units that can be sold, that
/// orders hold and that customers have. No bucket inside is below zero.
///
/// Columns: `sku`, `location`, `bucket`, `counted` (in the stock or with the orders; null if only the ledger counts it) and
/// `recorded`.
pub const LAW: &str = law!("true", "true", "'available', 'reserved', 'customer'");

/// [`LAW`] of the SKUs `$1`, without the units that customers have: to add those up means to read every order ever sent.
pub(super) const LAW_OF_SKUS: &str = law!("sku = ANY ($1)", "shipped_at IS NULL", "'available', 'reserved'");

/// Stock levels below zero, which must not exist.
pub(crate) const OVERSOLD: &str = "SELECT count(*)::float8 FROM inventory.stock WHERE available < 0";

/// Returns the order's reservation; `None` if inventory does not know the order.
pub async fn reservation_of(db: &impl GenericClient, order_id: &str) -> Result<Option<Reservation>, DbError> {
    let sql = "SELECT r.state, r.expires_at, a.line, a.sku, a.location, a.quantity, a.parcel,
                      a.shipped_at IS NOT NULL AS shipped, a.order_id IS NOT NULL AS allocated
               FROM inventory.reservation r LEFT JOIN inventory.allocation a USING (order_id)
               WHERE r.order_id = $1
               ORDER BY a.parcel, a.line";
    let rows = db.query(sql, &[&order_id]).await?;
    let Some(first) = rows.first() else { return Ok(None) };
    let mut reservation = Reservation {
        state: first.try_get("state")?,
        expires_at: first.try_get("expires_at")?,
        allocations: Vec::new(),
    };
    for row in &rows {
        if row.try_get("allocated")? {
            reservation.allocations.push((allocation(row)?, row.try_get("shipped")?));
        }
    }
    Ok(Some(reservation))
}

/// Returns the totals of units.
pub async fn totals(db: &impl GenericClient) -> Result<Totals, DbError> {
    let sql = "WITH ledger AS (SELECT bucket, sum(units) AS units FROM inventory.bucket GROUP BY bucket)
               SELECT (SELECT coalesce(-sum(units), 0)::int8 FROM ledger
                       WHERE bucket IN ('supplier', 'transit', 'lost', 'scrapped')) AS received,
                      (SELECT coalesce(sum(units), 0)::int8 FROM ledger
                       WHERE bucket IN ('missing', 'damaged', 'quarantine')) AS set_aside,
                      (SELECT coalesce(sum(available), 0)::int8 FROM inventory.stock) AS available,
                      coalesce(sum(quantity) FILTER (WHERE shipped_at IS NULL), 0)::int8 AS reserved,
                      coalesce(sum(quantity) FILTER (WHERE shipped_at IS NOT NULL), 0)::int8 AS shipped
               FROM inventory.allocation";
    let row = db.query_one(sql, &[]).await?;
    Ok(Totals {
        received: row.try_get("received")?,
        available: row.try_get("available")?,
        reserved: row.try_get("reserved")?,
        shipped: row.try_get("shipped")?,
        set_aside: row.try_get("set_aside")?,
    })
}
