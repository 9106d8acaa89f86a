//! Receipts of stock, and what other crates read: an order's reservation, the totals.

use std::collections::HashMap;
use std::time::SystemTime;

use despatch_routing::Allocation;
use despatch_runtime::DbError;
use tokio_postgres::GenericClient;

use super::reservation::{State, allocation};

/// A place from which parcels are sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Location {
    /// The id in allocations.
    pub id: String,
    /// The name for people.
    pub name: String,
    /// ISO 3166-1 alpha-2, upper case.
    pub country: String,
    /// State, province or county.
    pub region: String,
    /// The preference among locations that serve an order equally well; lower comes first.
    pub rank: i32,
}

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

/// Units over all SKUs and locations. Each is counted at its source: received in the ledger of receipts, available in
/// the stock, reserved and shipped with the orders. Received is the sum of the other three, or a count is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Totals {
    /// Units ever received.
    pub received: i64,
    /// Units that can be sold.
    pub available: i64,
    /// Units that orders hold.
    pub reserved: i64,
    /// Units that carriers have.
    pub shipped: i64,
}

/// Stock levels below zero, which must not exist.
pub(crate) const OVERSOLD: &str = "SELECT count(*)::float8 FROM inventory.stock WHERE available < 0";

/// Creates locations, or updates them.
pub async fn open_locations(db: &impl GenericClient, locations: &[Location]) -> Result<(), DbError> {
    let sql = "INSERT INTO inventory.location (id, name, country, region, rank)
               SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::int4[])
               ON CONFLICT (id) DO UPDATE SET name = excluded.name, country = excluded.country,
                   region = excluded.region, rank = excluded.rank";
    let text = |field: fn(&Location) -> &str| locations.iter().map(field).collect::<Vec<&str>>();
    let ranks: Vec<i32> = locations.iter().map(|location| location.rank).collect();
    let (ids, names) = (text(|location| &location.id), text(|location| &location.name));
    let (countries, regions) = (text(|location| &location.country), text(|location| &location.region));
    db.execute(sql, &[&ids, &names, &countries, &regions, &ranks]).await?;
    Ok(())
}

/// Units of a SKU that arrived at a location, as a line of a receipt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReceiptLine<'a> {
    /// A receipt's line is recorded once, however often it comes with the same id.
    pub receipt_id: &'a str,
    /// The SKU that arrived.
    pub sku: &'a str,
    /// Where: the id of an open location.
    pub location: &'a str,
    /// How many units, at least 1. Lines of one receipt, SKU and location add up.
    pub quantity: i64,
}

/// Records units as received: `(SKU, location id, quantity)`, each quantity at least 1, each location existing. A
/// receipt's line is recorded once, however often it comes with the same id.
pub async fn receive(
    db: &impl GenericClient,
    receipt_id: &str,
    units: &[(&str, &str, i64)],
) -> Result<(), DbError> {
    let line = |&(sku, location, quantity)| ReceiptLine { receipt_id, sku, location, quantity };
    receive_all(db, &units.iter().map(line).collect::<Vec<_>>()).await
}

/// Records the lines of many receipts in one statement.
pub async fn receive_all(db: &impl GenericClient, lines: &[ReceiptLine<'_>]) -> Result<(), DbError> {
    let sql = "WITH booked AS (
                   INSERT INTO inventory.receipt (receipt_id, sku, location, quantity)
                   SELECT u.receipt_id, u.sku, u.location, sum(u.quantity)
                   FROM unnest($1::text[], $2::text[], $3::text[], $4::int8[])
                        AS u (receipt_id, sku, location, quantity)
                   GROUP BY u.receipt_id, u.sku, u.location
                   ON CONFLICT DO NOTHING
                   RETURNING sku, location, quantity
               )
               INSERT INTO inventory.stock AS s (sku, location, received, available)
               SELECT sku, location, sum(quantity), sum(quantity) FROM booked
               GROUP BY sku, location ORDER BY sku, location
               ON CONFLICT (sku, location) DO UPDATE
                   SET received = s.received + excluded.received, available = s.available + excluded.available";
    let receipts: Vec<&str> = lines.iter().map(|line| line.receipt_id).collect();
    let skus: Vec<&str> = lines.iter().map(|line| line.sku).collect();
    let locations: Vec<&str> = lines.iter().map(|line| line.location).collect();
    let quantities: Vec<i64> = lines.iter().map(|line| line.quantity).collect();
    db.execute(sql, &[&receipts, &skus, &locations, &quantities]).await?;
    Ok(())
}

/// Returns the units on these receipts, by SKU. A receipt without a line is left out.
pub async fn units_on_receipts(
    db: &impl GenericClient,
    receipt_ids: &[String],
) -> Result<HashMap<String, HashMap<String, i64>>, DbError> {
    let sql = "SELECT receipt_id, sku, sum(quantity)::int8 FROM inventory.receipt WHERE receipt_id = ANY($1)
               GROUP BY receipt_id, sku";
    let mut units: HashMap<String, HashMap<String, i64>> = HashMap::new();
    for row in db.query(sql, &[&receipt_ids]).await? {
        units.entry(row.try_get(0)?).or_default().insert(row.try_get(1)?, row.try_get(2)?);
    }
    Ok(units)
}

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
    let sql = "SELECT (SELECT coalesce(sum(quantity), 0)::int8 FROM inventory.receipt) AS received,
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
    })
}
