//! The statements of an ordinary order's way. Each change to an order's claim is one statement. It moves units between `available` and
//! the order's allocations, writes the ledger, and returns the state that it found.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use despatch_contracts::order::Order;
use despatch_routing::{Allocation, StockLevel};
use despatch_runtime::{BatchedQuery, DbError, Tx};
use serde::Serialize;
use tokio_postgres::types::Json;

use super::changes::document;
use super::reservation::{State, allocation};

/// The queries that handlers batch.
pub(crate) const QUERIES: &[BatchedQuery] = &[STOCK_FOR];

const STOCK_FOR: BatchedQuery = BatchedQuery::new(
    "SELECT n, s.sku, s.location, l.rank,
                  CASE WHEN l.channels = '{}' OR shop = ANY (l.channels) THEN s.available ELSE 0 END AS available,
                  NULL AS state, NULL AS document
           FROM unnest($1::text[], $2::text[], $3::jsonb[]) WITH ORDINALITY AS each (order_id, shop, skus, n)
           CROSS JOIN jsonb_array_elements_text(skus) AS wanted (sku)
           JOIN inventory.stock s ON s.sku = wanted.sku JOIN inventory.location l ON l.id = s.location
           UNION ALL
           SELECT n, NULL, NULL, NULL, NULL, r.state, o.document
           FROM unnest($1::text[]) WITH ORDINALITY AS each (order_id, n)
           LEFT JOIN inventory.reservation r USING (order_id)
           LEFT JOIN inventory.newest_order o USING (order_id)
           WHERE r.order_id IS NOT NULL OR o.order_id IS NOT NULL",
);

/// The stock of an order's SKUs, and what is known of the order.
#[derive(Debug, Default)]
pub(crate) struct Stock {
    /// At all locations.
    pub(crate) levels: Vec<StockLevel>,
    /// The state of the order's claim, if it made one.
    pub(crate) state: Option<State>,
    /// The order as it is by now, if it changed.
    pub(crate) newest: Option<Order>,
}

/// Returns the stock of these SKUs, and what is known of the order. A location that does not sell for the order's shop has nothing
/// available.
pub(crate) async fn stock_for(tx: &Tx<'_>, order: &Order, skus: &[&str]) -> Result<Stock, DbError> {
    let skus: Vec<String> = skus.iter().map(|sku| (*sku).to_owned()).collect();
    let mut stock = Stock::default();
    for row in tx.query_batched(STOCK_FOR, (order.order_id.clone(), order.shop.clone(), Json(skus))).await? {
        let Some(sku) = row.try_get("sku")? else {
            (stock.state, stock.newest) = (row.try_get("state")?, document(&row)?);
            continue;
        };
        stock.levels.push(StockLevel {
            sku,
            location: row.try_get("location")?,
            rank: row.try_get("rank")?,
            available: row.try_get("available")?,
        });
    }
    Ok(stock)
}

/// How long units are claimed.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Claim {
    /// Until this time has passed.
    Held(Duration),
    /// Permanently.
    Confirmed,
}

/// A successful claim.
pub(crate) struct Claimed {
    pub(crate) expires_at: Option<SystemTime>,
}

/// Units that an order takes, as the statement reads them.
#[derive(Debug, Serialize)]
struct Taken {
    #[serde(flatten)]
    allocation: Allocation,
    /// The units of all the order's allocations at this position, if this is the first of them; 0 if it is not. A position is
    /// updated once, and adding up here is cheaper than a statement's aggregate.
    from_stock: i64,
}

/// Takes the allocated units out of the available stock. Returns `None` if some are gone; the caller must then fail,
/// which undoes the rest.
pub(crate) async fn claim(
    tx: &Tx<'_>,
    order_id: &str,
    allocations: &[Allocation],
    claim: Claim,
) -> Result<Option<Claimed>, DbError> {
    let sql = "WITH each AS (
                   SELECT * FROM unnest($1::text[], $2::jsonb[], $3::text[], $4::float8[], $5::int4[]) WITH ORDINALITY
                       AS each (order_id, allocations, state, seconds, last_parcel, n)
               ), wanted AS (
                   SELECT n, order_id, w.* FROM each CROSS JOIN jsonb_to_recordset(allocations)
                       AS w (line int4, sku text, location text, quantity int8, parcel int4, from_stock int8)
               ), taken AS (
                   UPDATE inventory.stock s SET available = s.available - w.from_stock
                   FROM wanted w
                   WHERE s.sku = w.sku AND s.location = w.location AND w.from_stock > 0 AND s.available >= w.from_stock
                   RETURNING w.n
               ), allocated AS (
                   INSERT INTO inventory.allocation (order_id, line, sku, location, quantity, parcel)
                   SELECT order_id, line, sku, location, quantity, parcel FROM wanted
               ), moved AS (
                   INSERT INTO inventory.movement
                       (sku, location, quantity, from_bucket, to_bucket, kind, order_id, parcel)
                   SELECT sku, location, quantity, 'available', 'reserved', 'stock.reserved', order_id, parcel FROM wanted
               ), reserved AS (
                   INSERT INTO inventory.reservation (order_id, state, expires_at, last_parcel)
                   SELECT order_id, state, despatch_now() + make_interval(secs => seconds), last_parcel FROM each
                   ON CONFLICT (order_id) DO UPDATE
                       SET state = excluded.state, expires_at = excluded.expires_at, last_parcel = excluded.last_parcel,
                           withdrawn = 0
               )
               SELECT n, despatch_now() + make_interval(secs => seconds) AS expires_at,
                      (SELECT count(*) FROM taken WHERE taken.n = each.n) AS positions
               FROM each";
    let (state, seconds, last_parcel) = match claim {
        Claim::Held(lifetime) => (State::Held, Some(lifetime.as_secs_f64()), 0),
        Claim::Confirmed => {
            (State::Confirmed, None, allocations.iter().map(|it| it.parcel).max().unwrap_or_default())
        }
    };
    let taken = by_position(allocations);
    let positions = taken.iter().filter(|it| it.from_stock > 0).count();
    let values = (order_id.to_owned(), Json(taken), state.name(), seconds, last_parcel.cast_signed());
    let rows = tx.execute_batched(sql, values).await?;
    let Some(row) = rows.first() else { return Ok(None) };
    if usize::try_from(row.try_get::<_, i64>("positions")?) != Ok(positions) {
        return Ok(None);
    }
    Ok(Some(Claimed { expires_at: row.try_get("expires_at")? }))
}

/// Adds the units of each position up at the first of its allocations.
fn by_position(allocations: &[Allocation]) -> Vec<Taken> {
    let mut units = BTreeMap::<_, i64>::new();
    for it in allocations {
        let sum = units.entry((&*it.sku, &*it.location)).or_default();
        *sum = sum.saturating_add(it.quantity);
    }
    allocations
        .iter()
        .map(|it| Taken {
            from_stock: units.remove(&(&*it.sku, &*it.location)).unwrap_or_default(),
            allocation: it.clone(),
        })
        .collect()
}

/// A reservation, as its payment found it.
#[derive(Debug)]
pub(crate) struct Confirmed {
    pub(crate) state: State,
    /// Whether counts took units from it that are not back.
    pub(crate) is_withdrawn: bool,
    /// The order's allocations by parcel, if it was held.
    pub(crate) allocations: Vec<Allocation>,
    /// The order as it is by now, if it changed.
    pub(crate) newest: Option<Order>,
}

/// Confirms a held reservation. Returns what it found; `None` if the order never claimed anything.
pub(crate) async fn confirm(tx: &Tx<'_>, order_id: &str) -> Result<Option<Confirmed>, DbError> {
    // The outer query sees the row as it was before the update.
    let sql = "WITH confirmed AS (
                   UPDATE inventory.reservation r
                   SET state = 'confirmed', expires_at = NULL,
                       last_parcel = coalesce((SELECT max(parcel) FROM inventory.allocation a
                                               WHERE a.order_id = r.order_id), 0)
                   WHERE order_id = ANY ($1) AND state = 'held'
               )
               SELECT n, r.state, r.withdrawn > 0 AS is_withdrawn, o.document, a.line, a.sku, a.location, a.quantity, a.parcel
               FROM unnest($1::text[]) WITH ORDINALITY AS each (order_id, n)
               JOIN inventory.reservation r USING (order_id) LEFT JOIN inventory.allocation a USING (order_id)
               LEFT JOIN inventory.newest_order o USING (order_id)
               ORDER BY a.parcel, a.line";
    let rows = tx.execute_batched(sql, (order_id.to_owned(),)).await?;
    let Some(first) = rows.first() else { return Ok(None) };
    let (state, newest) = (first.try_get("state")?, document(first)?);
    let is_withdrawn = first.try_get("is_withdrawn")?;
    let mut allocations = Vec::with_capacity(rows.len());
    if state == State::Held {
        for row in &rows {
            // An order with nothing to pick has no allocation, and one row all the same.
            if row.try_get::<_, Option<&str>>("sku")?.is_some() {
                allocations.push(allocation(row)?);
            }
        }
    }
    Ok(Some(Confirmed { state, is_withdrawn, allocations, newest }))
}

/// The result of [`expire`].
pub(crate) enum Expiry {
    /// The reservation ended now.
    Ended,
    /// The reservation lasts for this much longer.
    Early(Duration),
    /// There was no reservation, it had been confirmed, cancelled or ended before, or a parcel of it has left.
    Nothing,
}

/// Ends a held reservation that has expired by the database's clock. One of which a parcel has left stays, because its units are
/// not here.
pub(crate) async fn expire(tx: &Tx<'_>, order_id: &str) -> Result<Expiry, DbError> {
    let sql = "WITH ended AS (
                   UPDATE inventory.reservation r SET state = 'expired'
                   WHERE order_id = $1 AND state = 'held' AND expires_at <= despatch_now()
                     AND NOT EXISTS (SELECT FROM inventory.allocation a
                                     WHERE a.order_id = r.order_id AND a.shipped_at IS NOT NULL)
                   RETURNING order_id
               ), freed AS (
                   DELETE FROM inventory.allocation a USING ended e WHERE a.order_id = e.order_id
                   RETURNING a.sku, a.location, a.quantity, a.order_id, a.parcel
               ), moved AS (
                   INSERT INTO inventory.movement
                       (sku, location, quantity, from_bucket, to_bucket, kind, order_id, parcel)
                   SELECT sku, location, quantity, 'reserved', 'available', 'stock.released', order_id, parcel FROM freed
               ), returned AS (
                   UPDATE inventory.stock s SET available = s.available + f.quantity
                   FROM (SELECT sku, location, sum(quantity)::int8 AS quantity FROM freed GROUP BY sku, location) f
                   WHERE s.sku = f.sku AND s.location = f.location
               )
               SELECT expires_at <= despatch_now() AS due, EXISTS (SELECT FROM ended) AS has_ended,
                      greatest(extract(epoch FROM expires_at - despatch_now()), 0)::float8 AS seconds_left
               FROM inventory.reservation WHERE order_id = $1 AND state = 'held'";
    let rows = tx.returning(sql, &[&order_id]).await?;
    let Some(row) = rows.first() else { return Ok(Expiry::Nothing) };
    if row.try_get("has_ended")? {
        return Ok(Expiry::Ended);
    }
    if row.try_get("due")? {
        return Ok(Expiry::Nothing);
    }
    Ok(Expiry::Early(Duration::from_secs_f64(row.try_get("seconds_left")?)))
}

/// Ends an order's claim permanently, even one that it has not made yet. Returns the number of allocations released.
pub(crate) async fn cancel(tx: &Tx<'_>, order_id: &str) -> Result<i64, DbError> {
    let sql = "WITH cancelled AS (
                   INSERT INTO inventory.reservation (order_id, state) VALUES ($1, 'cancelled')
                   ON CONFLICT (order_id) DO UPDATE SET state = 'cancelled', expires_at = NULL
               ), freed AS (
                   DELETE FROM inventory.allocation WHERE order_id = $1 AND shipped_at IS NULL
                   RETURNING sku, location, quantity, order_id, parcel
               ), moved AS (
                   INSERT INTO inventory.movement
                       (sku, location, quantity, from_bucket, to_bucket, kind, order_id, parcel)
                   SELECT sku, location, quantity, 'reserved', 'available', 'stock.released', order_id, parcel FROM freed
               ), returned AS (
                   UPDATE inventory.stock s SET available = s.available + f.quantity
                   FROM (SELECT sku, location, sum(quantity)::int8 AS quantity FROM freed GROUP BY sku, location) f
                   WHERE s.sku = f.sku AND s.location = f.location
               )
               SELECT count(*) AS freed FROM freed";
    let rows = tx.returning(sql, &[&order_id]).await?;
    rows.first().map_or(Ok(0), |row| Ok(row.try_get("freed")?))
}

/// Counts a parcel's units as shipped, once. Returns false if the order has no such parcel.
pub(crate) async fn ship(tx: &Tx<'_>, order_id: &str, parcel: u32) -> Result<bool, DbError> {
    let sql = "WITH each AS (
                   SELECT * FROM unnest($1::text[], $2::int4[]) WITH ORDINALITY AS each (order_id, parcel, n)
               ), shipped AS (
                   UPDATE inventory.allocation a SET shipped_at = despatch_now()
                   FROM each WHERE a.order_id = each.order_id AND a.parcel = each.parcel AND shipped_at IS NULL
                   RETURNING a.sku, a.location, a.quantity, a.order_id, a.parcel
               ), moved AS (
                   INSERT INTO inventory.movement
                       (sku, location, quantity, from_bucket, to_bucket, kind, order_id, parcel)
                   SELECT sku, location, quantity, 'reserved', 'customer', 'shipment.despatched', order_id, parcel
                   FROM shipped
               )
               SELECT n FROM each
               WHERE EXISTS (SELECT FROM inventory.allocation a
                             WHERE a.order_id = each.order_id AND a.parcel = each.parcel)";
    let rows = tx.execute_batched(sql, (order_id.to_owned(), parcel.cast_signed())).await?;
    Ok(!rows.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_position_is_taken_once_with_the_units_of_all_its_lines() {
        let allocation = |line, location: &str, quantity| Allocation {
            line,
            sku: "A".to_owned(),
            location: location.to_owned(),
            quantity,
            parcel: 1,
        };
        let lines = [allocation(1, "east", 2), allocation(2, "west", 4), allocation(3, "east", 3)];
        let taken: Vec<i64> = by_position(&lines).iter().map(|it| it.from_stock).collect();
        assert_eq!(taken, [5, 4, 0]);
    }
}
