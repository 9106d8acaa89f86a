//! How long the units of articles last: what can be sold, what was sold per day, what is expected.

use std::collections::HashMap;
use std::time::SystemTime;

use despatch_runtime::{DbError, Row, Tx};

/// The most articles of one look.
pub(crate) const PAGE: u16 = 500;

/// The most deliveries of an article that count.
const MOST_DELIVERIES: i64 = 20;

/// An article that should last for some days.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Cover {
    pub(crate) sku: String,
    /// Units that can be sold, over all locations.
    pub(crate) available: i64,
    /// Units that orders took within the window, less those that came back.
    pub(crate) sold: i64,
    /// The days of the window in which the article was known, at least 1.
    pub(crate) window_days: f64,
    /// For how many days it should last.
    pub(crate) threshold_days: i64,
    /// Whether a person was told that it runs low, and there were not enough since.
    pub(crate) is_low: bool,
}

/// Units of an article that a delivery has still to bring.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Awaited {
    pub(crate) delivery: String,
    pub(crate) due: SystemTime,
    /// The days until it is due; below 0 if that has passed.
    pub(crate) due_in_days: f64,
    pub(crate) units: i64,
}

/// Which articles to look at.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Articles<'a> {
    /// At most [`PAGE`] by SKU, those after this one.
    After(&'a str),
    /// This one.
    One(&'a str),
}

/// Returns the articles that should last for some days, by SKU, and those of which a person was told. `default_days` is for articles that say nothing, 0 for no alert.
///
/// Orders hold units or have sent them, so the ledger's `reserved` and `customer` grow by what is sold. Only the movements of the window
/// say by how much: the closing balances hold the last day alone.
pub(crate) async fn covers(
    tx: &Tx<'_>,
    articles: Articles<'_>,
    (default_days, window_days): (i64, i64),
) -> Result<Vec<Cover>, DbError> {
    let sql = "WITH bounds AS (
                   SELECT greatest(((despatch_now() AT TIME ZONE 'UTC')::date - $3::int8::int4)::timestamp AT TIME ZONE 'UTC',
                                   kept_since) AS begins
                   FROM inventory.ledger
               ), asked AS (
                   SELECT sku, coalesce(cover_days, $2) AS threshold, known_at FROM inventory.item
                   WHERE (coalesce(cover_days, $2) > 0 OR EXISTS (SELECT FROM inventory.low_stock l WHERE l.sku = item.sku))
                     AND sku > $1 AND ($4::text IS NULL OR sku = $4)
                   ORDER BY sku LIMIT $5
               )
               SELECT asked.sku, threshold, low.sku IS NOT NULL AS is_low, coalesce(stock.available, 0)::int8 AS available,
                      coalesce(moved.sold, 0)::int8 AS sold,
                      greatest(1, extract(epoch FROM despatch_now() - greatest(begins, known_at)) / 86400)::float8
                          AS window_days
               FROM asked CROSS JOIN bounds LEFT JOIN inventory.low_stock low USING (sku)
               LEFT JOIN LATERAL (
                   SELECT sum(s.available) AS available FROM inventory.stock s WHERE s.sku = asked.sku
               ) stock ON true
               LEFT JOIN LATERAL (
                   SELECT sum(CASE WHEN m.to_bucket IN ('reserved', 'customer') THEN m.quantity ELSE 0 END
                              - CASE WHEN m.from_bucket IN ('reserved', 'customer') THEN m.quantity ELSE 0 END) AS sold
                   FROM inventory.movement m WHERE m.sku = asked.sku AND m.at >= bounds.begins
               ) moved ON true
               ORDER BY asked.sku";
    let (after, one) = match articles {
        Articles::After(sku) => (sku, None),
        Articles::One(sku) => ("", Some(sku)),
    };
    let rows = tx.query(sql, &[&after, &default_days, &window_days, &one, &i64::from(PAGE)]).await?;
    let cover = |row: &Row| {
        Ok(Cover {
            sku: row.try_get("sku")?,
            available: row.try_get("available")?,
            sold: row.try_get("sold")?,
            window_days: row.try_get("window_days")?,
            threshold_days: row.try_get("threshold")?,
            is_low: row.try_get("is_low")?,
        })
    };
    rows.iter().map(cover).collect()
}

/// Returns what open deliveries have still to bring of these articles, the earliest first.
pub(crate) async fn awaited(tx: &Tx<'_>, skus: &[&str]) -> Result<HashMap<String, Vec<Awaited>>, DbError> {
    let sql = "SELECT sku, delivery, due, extract(epoch FROM due - despatch_now())::float8 / 86400 AS due_in_days, units
               FROM unnest($1::text[]) AS asked (sku) CROSS JOIN LATERAL (
                   SELECT d.delivery, d.due, sum(e.quantity - e.booked)::int8 AS units
                   FROM inventory.expected e JOIN inventory.delivery d USING (delivery)
                   WHERE e.sku = asked.sku AND e.booked < e.quantity AND d.closed_at IS NULL
                   GROUP BY d.delivery ORDER BY d.due, d.delivery LIMIT $2
               ) open
               ORDER BY sku, due, delivery";
    let mut awaited: HashMap<String, Vec<Awaited>> = HashMap::new();
    if skus.is_empty() {
        return Ok(awaited);
    }
    for row in tx.query(sql, &[&skus, &MOST_DELIVERIES]).await? {
        awaited.entry(row.try_get("sku")?).or_default().push(Awaited {
            delivery: row.try_get("delivery")?,
            due: row.try_get("due")?,
            due_in_days: row.try_get("due_in_days")?,
            units: row.try_get("units")?,
        });
    }
    Ok(awaited)
}

/// Notes which articles run low from now on, and which do not any more.
pub(crate) async fn note_low(tx: &Tx<'_>, low: &[&str], recovered: &[&str]) -> Result<(), DbError> {
    if low.is_empty() && recovered.is_empty() {
        return Ok(());
    }
    let sql = "WITH gone AS (DELETE FROM inventory.low_stock WHERE sku = ANY ($2))
               INSERT INTO inventory.low_stock (sku) SELECT unnest($1::text[]) ON CONFLICT DO NOTHING";
    tx.execute(sql, &[&low, &recovered]).await?;
    Ok(())
}
