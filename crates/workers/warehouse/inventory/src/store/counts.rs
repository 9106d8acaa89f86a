//! Counts: what the ledger had at a time, and what a count takes from orders.

use std::time::SystemTime;

use despatch_runtime::{DbError, Tx};

/// A position by the ledger.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Recorded {
    /// Units on the shelf, available or held by orders, when the person looked.
    pub(crate) units: i64,
    /// Units that orders hold now.
    pub(crate) reserved: i64,
    /// Units that a count did not find.
    pub(crate) missing: i64,
    /// Whether all movements since the person looked are kept.
    pub(crate) is_known: bool,
    /// When the person looked whose count corrected it, if that was later.
    pub(crate) corrected_since: Option<SystemTime>,
}

/// Returns each position as it was at the time given, or now: `(SKU, location, time)`. An earlier count corrected it as of
/// when its person looked, whenever it was booked. The positions must be locked.
pub(crate) async fn recorded_at(
    tx: &Tx<'_>,
    rows: &[(&str, &str, Option<SystemTime>)],
) -> Result<Vec<Recorded>, DbError> {
    let sql = "SELECT coalesce(now_here.units, 0)::int8 - coalesce(since.units, 0)::int8 AS units,
                      coalesce(now_here.reserved, 0)::int8 AS reserved, coalesce(now_here.missing, 0)::int8 AS missing,
                      coalesce(each.seen_at >= (SELECT kept_since FROM inventory.ledger), true) AS is_known,
                      since.corrected_since
               FROM unnest($1::text[], $2::text[], $3::timestamptz[]) WITH ORDINALITY AS each (sku, location, seen_at, n)
               LEFT JOIN LATERAL (
                   SELECT sum(b.units) FILTER (WHERE b.bucket IN ('available', 'reserved')) AS units,
                          sum(b.units) FILTER (WHERE b.bucket = 'reserved') AS reserved,
                          sum(b.units) FILTER (WHERE b.bucket = 'missing') AS missing
                   FROM inventory.bucket b WHERE b.sku = each.sku AND b.location = each.location
               ) now_here ON true
               LEFT JOIN LATERAL (
                   SELECT sum(CASE WHEN m.to_bucket IN ('available', 'reserved') THEN m.quantity ELSE 0 END
                              - CASE WHEN m.from_bucket IN ('available', 'reserved') THEN m.quantity ELSE 0 END) AS units,
                          max(m.seen_at) AS corrected_since
                   FROM inventory.movement m
                   WHERE m.sku = each.sku AND m.location = each.location AND m.at > each.seen_at
                     AND coalesce(m.seen_at, m.at) > each.seen_at
               ) since ON true
               ORDER BY n";
    let skus: Vec<&str> = rows.iter().map(|(sku, ..)| *sku).collect();
    let locations: Vec<&str> = rows.iter().map(|(_, location, _)| *location).collect();
    let times: Vec<Option<SystemTime>> = rows.iter().map(|(.., seen_at)| *seen_at).collect();
    let rows = tx.query(sql, &[&skus, &locations, &times]).await?;
    rows.iter()
        .map(|row| {
            Ok(Recorded {
                units: row.try_get("units")?,
                reserved: row.try_get("reserved")?,
                missing: row.try_get("missing")?,
                is_known: row.try_get("is_known")?,
                corrected_since: row.try_get("corrected_since")?,
            })
        })
        .collect()
}

/// Units that a count took from an order.
#[derive(Debug, Clone)]
pub(crate) struct Held {
    pub(crate) order_id: String,
    pub(crate) line: i32,
    pub(crate) parcel: i32,
    pub(crate) sku: String,
    pub(crate) location: String,
    pub(crate) quantity: i64,
}

/// Takes units of these positions from the orders that hold them, from the latest reservation backwards: `(SKU, location, units)`.
pub(crate) async fn take_from_orders(
    tx: &Tx<'_>,
    positions: &[(&str, &str, i64)],
) -> Result<Vec<Held>, DbError> {
    if positions.is_empty() {
        return Ok(Vec::new());
    }
    // The units that later orders hold are taken first. `before` is how many those are.
    let sql = "WITH gone AS (
                   SELECT * FROM unnest($1::text[], $2::text[], $3::int8[]) AS gone (sku, location, units)
               ), held AS (
                   SELECT a.order_id, a.line, a.location, a.sku, a.parcel, a.quantity, r.at
                   FROM gone JOIN inventory.allocation a USING (sku, location)
                   JOIN inventory.reservation r USING (order_id)
                   WHERE a.shipped_at IS NULL
                   ORDER BY a.order_id, a.parcel, a.line FOR UPDATE OF a
               ), ranked AS (
                   SELECT held.*, sum(quantity) OVER (PARTITION BY sku, location ORDER BY at DESC, order_id DESC, line, parcel
                                                      ROWS UNBOUNDED PRECEDING) - quantity AS before
                   FROM held
               ), taken AS (
                   SELECT ranked.*, least(ranked.quantity, gone.units - before)::int8 AS units
                   FROM ranked JOIN gone USING (sku, location) WHERE before < gone.units
               ), emptied AS (
                   DELETE FROM inventory.allocation a USING taken t
                   WHERE a.order_id = t.order_id AND a.parcel = t.parcel AND a.line = t.line
                     AND t.units = t.quantity
               ), lowered AS (
                   UPDATE inventory.allocation a SET quantity = a.quantity - t.units FROM taken t
                   WHERE a.order_id = t.order_id AND a.parcel = t.parcel AND a.line = t.line
                     AND t.units < t.quantity
               ), noted AS (
                   UPDATE inventory.reservation r SET withdrawn = r.withdrawn + t.units
                   FROM (SELECT order_id, sum(units)::int8 AS units FROM taken GROUP BY order_id) t
                   WHERE r.order_id = t.order_id
               )
               SELECT order_id, line, parcel, sku, location, units FROM taken ORDER BY order_id, line, parcel";
    let skus: Vec<&str> = positions.iter().map(|(sku, ..)| *sku).collect();
    let locations: Vec<&str> = positions.iter().map(|(_, location, _)| *location).collect();
    let units: Vec<i64> = positions.iter().map(|(.., units)| *units).collect();
    let rows = tx.returning(sql, &[&skus, &locations, &units]).await?;
    rows.iter()
        .map(|row| {
            Ok(Held {
                order_id: row.try_get("order_id")?,
                line: row.try_get("line")?,
                parcel: row.try_get("parcel")?,
                sku: row.try_get("sku")?,
                location: row.try_get("location")?,
                quantity: row.try_get("units")?,
            })
        })
        .collect()
}
