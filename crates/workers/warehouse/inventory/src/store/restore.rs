//! Units that go back to an order from which a count took them.

use despatch_contracts::order::Order;
use despatch_contracts::stock::StockWithdrawn;
use despatch_runtime::{DbError, Tx};

use super::changes::document;

/// The result of [`restore`].
pub(crate) enum Restored {
    /// The order holds the units again.
    Done,
    /// The reservation ended: the order was cancelled, or holds nothing, or reserved again.
    Over,
    /// The order changed since it was accepted, and nothing was done: the order, and the number of its change.
    Changed(Box<Order>, u32),
    /// Too few units are available at the location.
    Short {
        /// How many there are.
        available: i64,
    },
    /// The parcel has left without them.
    Left,
}

/// Takes the units from `available` at the same location for the same parcel, if the order never changed. Of one that changed, the
/// caller takes them, or fails, which undoes the rest.
pub(crate) async fn restore(tx: &Tx<'_>, event: &StockWithdrawn) -> Result<Restored, DbError> {
    let StockWithdrawn { order_id, line, parcel, sku, location, quantity, request_id } = event;
    // A reservation that was made again lacks nothing that a count took from the former one, and may be at another location.
    let sql = "WITH newest AS (
                   SELECT change, document FROM inventory.newest_order WHERE order_id = $1
               ), live AS (
                   SELECT FROM inventory.reservation
                   WHERE order_id = $1 AND state IN ('held', 'confirmed') AND withdrawn >= $6
                     AND (EXISTS (SELECT FROM newest)
                          OR NOT EXISTS (SELECT FROM inventory.allocation
                                         WHERE order_id = $1 AND parcel = $3 AND location <> $5))
               ), gone AS (
                   SELECT FROM inventory.allocation WHERE order_id = $1 AND parcel = $3 AND shipped_at IS NOT NULL
               ), taken AS (
                   UPDATE inventory.stock SET available = available - $6::int8
                   WHERE sku = $4 AND location = $5 AND available >= $6 AND EXISTS (SELECT FROM live)
                     AND NOT EXISTS (SELECT FROM gone) AND NOT EXISTS (SELECT FROM newest)
                   RETURNING sku, location
               ), held AS (
                   INSERT INTO inventory.allocation AS a (order_id, line, sku, location, quantity, parcel)
                   SELECT $1, $2, sku, location, $6, $3 FROM taken
                   ON CONFLICT (order_id, parcel, line) DO UPDATE SET quantity = a.quantity + excluded.quantity
               ), moved AS (
                   INSERT INTO inventory.movement
                       (sku, location, quantity, from_bucket, to_bucket, kind, order_id, parcel, request_id)
                   SELECT sku, location, $6, 'available', 'reserved', 'stock.withdrawn', $1, $3, $7 FROM taken
               ), back AS (
                   UPDATE inventory.reservation SET withdrawn = withdrawn - $6
                   WHERE order_id = $1 AND EXISTS (SELECT FROM live)
                     AND (EXISTS (SELECT FROM taken) OR EXISTS (SELECT FROM newest))
               )
               SELECT EXISTS (SELECT FROM live) AS is_live, EXISTS (SELECT FROM gone) AS has_left,
                      EXISTS (SELECT FROM taken) AS is_done, (SELECT change FROM newest) AS change,
                      (SELECT document FROM newest) AS document,
                      coalesce((SELECT available FROM inventory.stock WHERE sku = $4 AND location = $5), 0) AS available";
    let (line, parcel) = (line.cast_signed(), parcel.cast_signed());
    let rows = tx.returning(sql, &[order_id, &line, &parcel, sku, location, quantity, request_id]).await?;
    let Some(row) = rows.first() else { return Ok(Restored::Over) };
    if row.try_get("is_done")? {
        return Ok(Restored::Done);
    }
    if !row.try_get::<_, bool>("is_live")? {
        return Ok(Restored::Over);
    }
    if let (Some(order), Some(change)) = (document(row)?, row.try_get::<_, Option<i64>>("change")?) {
        // Changes are counted from 1, by an unsigned number of the event.
        return Ok(Restored::Changed(Box::new(order), u32::try_from(change).unwrap_or(u32::MAX)));
    }
    if row.try_get("has_left")? {
        return Ok(Restored::Left);
    }
    Ok(Restored::Short { available: row.try_get("available")? })
}
