//! The statements of orders that changed after they were accepted. Few orders do, so they are not batched.

use despatch_contracts::order::Order;
use despatch_routing::Packed;
use despatch_runtime::{DbError, Retention, Row, Stored, Tx};
use prost::Message as _;
use tokio_postgres::types::Json;

use super::reservation::{State, allocation};

/// An order and its claim, as a change of it found them.
#[derive(Debug)]
pub(crate) struct KnownOrder {
    /// The order as it is by now: that of the change, or of a later one that came before.
    pub(crate) newest: Order,
    /// The state of its claim, if it made one.
    pub(crate) state: Option<State>,
    /// The highest number of a parcel that the order used, as far as it was confirmed or changed before.
    pub(crate) last_parcel: u32,
    /// Its units by parcel.
    pub(crate) packed: Vec<Packed>,
}

/// Keeps an order as this change made it, unless a later change came before. Returns what is known of it by then.
pub(crate) async fn keep_newest(tx: &Tx<'_>, order: &Order, change: u32) -> Result<KnownOrder, DbError> {
    // The outer query sees the rows as they were before.
    let sql = "WITH kept AS (
                   INSERT INTO inventory.newest_order AS known (order_id, change, document) VALUES ($1, $2, $3)
                   ON CONFLICT (order_id) DO UPDATE
                       SET change = excluded.change, document = excluded.document, changed_at = despatch_now()
                       WHERE known.change < excluded.change
               )
               SELECT CASE WHEN o.change > $2 THEN o.document END AS document, r.state,
                      greatest(o.last_parcel, r.last_parcel, 0) AS last_parcel, a.line, a.sku, a.location, a.quantity, a.parcel,
                      coalesce(a.position, a.parcel) AS position, a.shipped_at IS NOT NULL AS has_left
               FROM unnest(ARRAY[$1]) AS each (order_id)
               LEFT JOIN inventory.newest_order o USING (order_id)
               LEFT JOIN inventory.reservation r USING (order_id)
               LEFT JOIN inventory.allocation a USING (order_id)
               ORDER BY a.parcel, a.line";
    let rows = tx.returning(sql, &[&order.order_id, &i64::from(change), &order.encode_to_vec()]).await?;
    let mut known = KnownOrder { newest: order.clone(), state: None, last_parcel: 0, packed: Vec::new() };
    for row in &rows {
        known.state = row.try_get("state")?;
        known.last_parcel = row.try_get::<_, i32>("last_parcel")?.cast_unsigned();
        if let Some(newest) = document(row)? {
            known.newest = newest;
        }
        if row.try_get::<_, Option<&str>>("sku")?.is_some() {
            known.packed.push(Packed {
                allocation: allocation(row)?,
                position: row.try_get::<_, i32>("position")?.cast_unsigned(),
                has_left: row.try_get("has_left")?,
            });
        }
    }
    Ok(known)
}

/// Replaces the units that the order holds, and moves the difference from or to the available stock. Returns false if
/// some are gone; the caller must then fail, which undoes the rest.
pub(crate) async fn repack(
    tx: &Tx<'_>,
    order_id: &str,
    packed: &[Packed],
    last_parcel: u32,
) -> Result<bool, DbError> {
    let freed = "WITH freed AS (
                     DELETE FROM inventory.allocation WHERE order_id = $1 AND shipped_at IS NULL
                     RETURNING sku, location, quantity, parcel
                 ), moved AS (
                     INSERT INTO inventory.movement
                         (sku, location, quantity, from_bucket, to_bucket, kind, order_id, parcel)
                     SELECT sku, location, quantity, 'reserved', 'available', 'order.changed', $1, parcel FROM freed
                 )
                 UPDATE inventory.stock s SET available = s.available + f.quantity
                 FROM (SELECT sku, location, sum(quantity)::int8 AS quantity FROM freed GROUP BY sku, location) f
                 WHERE s.sku = f.sku AND s.location = f.location";
    let taken = "WITH wanted AS (
                     SELECT * FROM jsonb_to_recordset($2)
                         AS w (line int4, sku text, location text, quantity int8, parcel int4, position int4)
                 ), units AS (
                     SELECT sku, location, sum(quantity)::int8 AS quantity FROM wanted GROUP BY sku, location
                 ), taken AS (
                     UPDATE inventory.stock s SET available = s.available - u.quantity
                     FROM units u
                     WHERE s.sku = u.sku AND s.location = u.location AND s.available >= u.quantity
                     RETURNING 1
                 ), allocated AS (
                     INSERT INTO inventory.allocation (order_id, line, sku, location, quantity, parcel, position)
                     SELECT $1, line, sku, location, quantity, parcel, position FROM wanted
                 ), moved AS (
                     INSERT INTO inventory.movement
                         (sku, location, quantity, from_bucket, to_bucket, kind, order_id, parcel)
                     SELECT sku, location, quantity, 'available', 'reserved', 'order.changed', $1, parcel FROM wanted
                 ), numbered AS (
                     UPDATE inventory.newest_order SET last_parcel = $3 WHERE order_id = $1
                 )
                 SELECT (SELECT count(*) FROM taken) = (SELECT count(*) FROM units) AS complete";
    let stays: Vec<&Packed> = packed.iter().filter(|it| !it.has_left).collect();
    tx.execute(freed, &[&order_id]).await?;
    let rows = tx.returning(taken, &[&order_id, &Json(stays), &last_parcel.cast_signed()]).await?;
    rows.first().map_or(Ok(false), |row| Ok(row.try_get("complete")?))
}

/// The rows of orders that changed go when the order is long over.
pub(crate) fn retentions() -> [Retention; 1] {
    let sql = "WITH old AS (
                   SELECT order_id FROM inventory.newest_order WHERE order_id < $3 AND changed_at < $1
                   ORDER BY order_id LIMIT $2 FOR UPDATE SKIP LOCKED
               ), gone AS (
                   DELETE FROM inventory.newest_order o USING old WHERE o.order_id = old.order_id RETURNING 1
               )
               SELECT count(*) FROM gone";
    [Retention::new("orders", 730, sql)]
}

/// Returns the order in a row, if there is one.
pub(super) fn document(row: &Row) -> Result<Option<Order>, DbError> {
    Ok(row.try_get::<_, Option<Stored<Order>>>("document")?.map(|Stored(order)| order))
}
