//! Movements that requests make: positions are locked first, then one statement moves the units and writes the ledger.

use std::collections::{BTreeMap, BTreeSet};
use std::time::SystemTime;

use despatch_contracts::Event as _;
use despatch_contracts::stock::CountRequested;
use despatch_runtime::{DbError, Tx};

/// A movement of a request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Movement<'m> {
    pub(crate) sku: &'m str,
    pub(crate) location: &'m str,
    pub(crate) quantity: i64,
    pub(crate) from: &'static str,
    pub(crate) to: &'static str,
    /// Empty for none.
    pub(crate) reason: &'m str,
    /// The order whose units they are, and the parcel.
    pub(crate) order: Option<(&'m str, i32)>,
    /// When the person looked, of a count that says so.
    pub(crate) seen_at: Option<SystemTime>,
}

impl<'m> Movement<'m> {
    /// Moves as many units as the change says, whatever its sign.
    pub(crate) fn new(
        sku: &'m str,
        location: &'m str,
        change: i64,
        from: &'static str,
        to: &'static str,
    ) -> Self {
        Movement { sku, location, quantity: change.abs(), from, to, reason: "", order: None, seen_at: None }
    }
}

/// Locks positions in the order of their keys, and returns their available units. A position that never had a unit gets a row, so that
/// it can be locked too.
pub(crate) async fn lock_positions(
    tx: &Tx<'_>,
    keys: &BTreeSet<(&str, &str)>,
) -> Result<BTreeMap<(String, String), i64>, DbError> {
    if keys.is_empty() {
        return Ok(BTreeMap::new());
    }
    let made = "INSERT INTO inventory.stock (sku, location, available)
                SELECT sku, location, 0 FROM unnest($1::text[], $2::text[]) AS each (sku, location)
                ORDER BY sku, location ON CONFLICT (sku, location) DO NOTHING";
    let sql = "SELECT sku, location, available FROM inventory.stock
               WHERE (sku, location) IN (SELECT * FROM unnest($1::text[], $2::text[]))
               ORDER BY sku, location FOR UPDATE";
    let skus: Vec<&str> = keys.iter().map(|(sku, _)| *sku).collect();
    let locations: Vec<&str> = keys.iter().map(|(_, location)| *location).collect();
    tx.execute(made, &[&skus, &locations]).await?;
    let rows = tx.returning(sql, &[&skus, &locations]).await?;
    rows.iter()
        .map(|row| Ok(((row.try_get("sku")?, row.try_get("location")?), row.try_get("available")?)))
        .collect()
}

/// Changes available units of positions that are locked, and writes the movements. The first argument is the event's type, the
/// request's id and the person. A count is as of when the person looked, which is now at the latest.
pub(crate) async fn move_units(
    tx: &Tx<'_>,
    (kind, request_id, by): (&'static str, &str, &str),
    changes: &[(&str, &str, i64)],
    movements: &[Movement<'_>],
) -> Result<(), DbError> {
    if movements.is_empty() {
        return Ok(());
    }
    let sql = "WITH changed AS (
                   UPDATE inventory.stock s SET available = s.available + c.change
                   FROM unnest($1::text[], $2::text[], $3::int8[]) AS c (sku, location, change)
                   WHERE c.sku = s.sku AND c.location = s.location
               )
               INSERT INTO inventory.movement
                   (sku, location, quantity, from_bucket, to_bucket, reason, order_id, parcel, kind, request_id,
                    by_whom, seen_at)
               SELECT sku, location, quantity, source, target, reason, order_id, parcel, $13, $14, $15,
                      CASE WHEN $16 THEN least(seen_at, despatch_now()) END
               FROM unnest($4::text[], $5::text[], $6::int8[], $7::text[], $8::text[], $9::text[], $10::text[],
                           $11::int4[], $12::timestamptz[]) WITH ORDINALITY
                    AS each (sku, location, quantity, source, target, reason, order_id, parcel, seen_at, n)
               ORDER BY n";
    let skus: Vec<&str> = changes.iter().map(|(sku, ..)| *sku).collect();
    let locations: Vec<&str> = changes.iter().map(|(_, location, _)| *location).collect();
    let units: Vec<i64> = changes.iter().map(|(.., change)| *change).collect();
    let moved_skus: Vec<&str> = movements.iter().map(|it| it.sku).collect();
    let moved_at: Vec<&str> = movements.iter().map(|it| it.location).collect();
    let (from, to): (Vec<&str>, Vec<&str>) = movements.iter().map(|it| (it.from, it.to)).unzip();
    let reasons: Vec<&str> = movements.iter().map(|it| it.reason).collect();
    let quantities: Vec<i64> = movements.iter().map(|it| it.quantity).collect();
    let orders: Vec<Option<&str>> = movements.iter().map(|it| it.order.map(|(order, _)| order)).collect();
    let parcels: Vec<Option<i32>> = movements.iter().map(|it| it.order.map(|(_, parcel)| parcel)).collect();
    let seen: Vec<Option<SystemTime>> = movements.iter().map(|it| it.seen_at).collect();
    let is_count = kind == CountRequested::TYPE;
    tx.execute(
        sql,
        &[
            &skus,
            &locations,
            &units,
            &moved_skus,
            &moved_at,
            &quantities,
            &from,
            &to,
            &reasons,
            &orders,
            &parcels,
            &seen,
            &kind,
            &request_id,
            &by,
            &is_count,
        ],
    )
    .await?;
    Ok(())
}

/// Returns whether these movements are worth more than this in one currency. An article without a value is worth nothing.
pub(crate) async fn is_worth_more(
    tx: &Tx<'_>,
    movements: &[Movement<'_>],
    most_minor: i64,
) -> Result<bool, DbError> {
    let sql =
        "SELECT FROM unnest($1::text[], $2::int8[]) AS each (sku, quantity) JOIN inventory.item i USING (sku)
               GROUP BY i.value_currency HAVING sum(i.value_minor::numeric * quantity) > $3::int8 LIMIT 1";
    let skus: Vec<&str> = movements.iter().map(|movement| movement.sku).collect();
    let quantities: Vec<i64> = movements.iter().map(|movement| movement.quantity).collect();
    Ok(tx.query_opt(sql, &[&skus, &quantities, &most_minor]).await?.is_some())
}
