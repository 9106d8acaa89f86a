//! Deliveries from suppliers: what was announced, what their receipts brought, what was told of them.

use std::fmt;
use std::time::{Duration, SystemTime};

use despatch_contracts::stock::DeliveryLine;
use despatch_runtime::{DbError, Row, Tx};

/// The most rows that an event lists.
const MOST_LINES: i64 = 200;

/// The most rows that an error names.
const MOST_NAMED: usize = 20;

/// An announced delivery, as it is after its rows were compared with its receipts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Delivery {
    pub(crate) due: SystemTime,
    pub(crate) supplier: String,
    pub(crate) contact: String,
    /// Whether more of it is expected.
    pub(crate) is_open: bool,
    /// Whether the receiver said that nothing more comes, or it was cancelled.
    pub(crate) is_ended: bool,
    /// Whether it differs in a way that nobody was told of.
    pub(crate) differs: bool,
    /// The time until it is overdue, once; zero if it is, `None` if that was told.
    pub(crate) overdue_in: Option<Duration>,
}

/// Rows of a delivery in words and in events.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DeliveryLines {
    /// The first rows.
    pub(crate) lines: Vec<DeliveryLineUnits>,
    /// How many there are in all.
    pub(crate) number: u32,
}

/// One row of a delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DeliveryLineUnits {
    pub(crate) sku: String,
    pub(crate) location: String,
    pub(crate) expected: i64,
    pub(crate) booked: i64,
}

impl DeliveryLines {
    /// Returns the rows as events have them.
    pub(crate) fn in_event(&self) -> Vec<DeliveryLine> {
        let line = |line: &DeliveryLineUnits| DeliveryLine {
            sku: line.sku.clone(),
            location: line.location.clone(),
            expected: line.expected,
            booked: line.booked,
        };
        self.lines.iter().map(line).collect()
    }
}

impl fmt::Display for DeliveryLines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, DeliveryLineUnits { sku, location, expected, booked }) in
            self.lines.iter().take(MOST_NAMED).enumerate()
        {
            let gap = if at == 0 { "" } else { "; " };
            write!(f, "{gap}{sku} at {location}: expected {expected}, booked {booked}")?;
        }
        match self.number as usize - self.lines.len().min(MOST_NAMED) {
            0 => Ok(()),
            more => write!(f, "; and {more} more rows"),
        }
    }
}

/// The part of a request about the delivery as a whole; a field that is missing stays.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Announcement<'a> {
    pub(crate) due: Option<SystemTime>,
    pub(crate) supplier: Option<&'a str>,
    pub(crate) contact: Option<&'a str>,
}

/// Units that a delivery should bring.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ExpectedUnits<'a> {
    pub(crate) sku: &'a str,
    pub(crate) location: &'a str,
    pub(crate) quantity: i64,
}

/// Returns whether somebody announced this delivery.
pub(crate) async fn is_announced(tx: &Tx<'_>, delivery: &str) -> Result<bool, DbError> {
    let sql = "SELECT FROM inventory.delivery WHERE delivery = $1 AND due IS NOT NULL";
    Ok(tx.query_opt(sql, &[&delivery]).await?.is_some())
}

/// Announces a delivery, or changes it. Another due time opens it again after the receiver said that nothing more comes; anything
/// opens it again after it was cancelled. Each SKU and location comes once.
pub(crate) async fn announce(
    tx: &Tx<'_>,
    delivery: &str,
    said: Announcement<'_>,
    rows: &[ExpectedUnits<'_>],
) -> Result<(), DbError> {
    let sql = "INSERT INTO inventory.delivery AS d (delivery, due, supplier, contact)
               VALUES ($1, $2, coalesce($3, ''), coalesce($4, ''))
               ON CONFLICT (delivery) DO UPDATE SET
                   due = coalesce($2, d.due), supplier = coalesce($3, d.supplier), contact = coalesce($4, d.contact),
                   arrived_at = CASE WHEN d.due <> $2 THEN NULL ELSE d.arrived_at END, cancelled_at = NULL";
    tx.execute(sql, &[&delivery, &said.due, &said.supplier, &said.contact]).await?;
    if rows.is_empty() {
        return Ok(());
    }
    let sql = "INSERT INTO inventory.expected (delivery, sku, location, quantity)
               SELECT $1, sku, location, quantity FROM unnest($2::text[], $3::text[], $4::int8[])
                    AS each (sku, location, quantity)
               ORDER BY sku, location
               ON CONFLICT (delivery, sku, location) DO UPDATE SET quantity = excluded.quantity";
    let skus: Vec<&str> = rows.iter().map(|row| row.sku).collect();
    let locations: Vec<&str> = rows.iter().map(|row| row.location).collect();
    let quantities: Vec<i64> = rows.iter().map(|row| row.quantity).collect();
    tx.execute(sql, &[&delivery, &skus, &locations, &quantities]).await?;
    Ok(())
}

/// Notes that nothing more of a delivery comes, whether it was announced or not.
pub(crate) async fn note_arrived(tx: &Tx<'_>, delivery: &str) -> Result<(), DbError> {
    let sql = "INSERT INTO inventory.delivery AS d (delivery, arrived_at) VALUES ($1, despatch_now())
               ON CONFLICT (delivery) DO UPDATE SET arrived_at = excluded.arrived_at WHERE d.arrived_at IS NULL";
    tx.execute(sql, &[&delivery]).await?;
    Ok(())
}

/// Takes what has not arrived off an announced delivery.
pub(crate) async fn cancel_delivery(tx: &Tx<'_>, delivery: &str) -> Result<(), DbError> {
    note_booked(tx, delivery).await?;
    let sql = "WITH cut AS (
                   UPDATE inventory.expected SET quantity = least(quantity, booked) WHERE delivery = $1
               )
               UPDATE inventory.delivery SET cancelled_at = despatch_now() WHERE delivery = $1";
    tx.execute(sql, &[&delivery]).await?;
    Ok(())
}

/// Compares an announced delivery with its receipts, and closes it once nothing more is expected. `grace` is the time from its due
/// time until it is overdue. Returns `None` if nobody announced it.
pub(crate) async fn compare(
    tx: &Tx<'_>,
    delivery: &str,
    grace: Duration,
) -> Result<Option<Delivery>, DbError> {
    note_booked(tx, delivery).await?;
    // Of an open delivery only what is too much is a difference, and a person is told of the first one. A difference that became
    // smaller is not told again.
    let sql = "WITH line AS (
                   SELECT booked - quantity AS difference, told FROM inventory.expected WHERE delivery = $1
               ), total AS (
                   SELECT coalesce(bool_or(difference < 0), false) AS is_short,
                          coalesce(bool_or(told <> 0), false) AS is_told,
                          coalesce(bool_or(difference > 0 AND difference > told), false) AS has_more,
                          coalesce(bool_or(difference < 0 AND difference < told), false) AS has_less
                   FROM line
               ), state AS (
                   SELECT d.delivery, is_short AND arrived_at IS NULL AND cancelled_at IS NULL AS is_open, total.*
                   FROM inventory.delivery d, total WHERE d.delivery = $1 AND due IS NOT NULL
               )
               UPDATE inventory.delivery d
               SET closed_at = CASE WHEN is_open THEN NULL ELSE coalesce(closed_at, despatch_now()) END
               FROM state WHERE d.delivery = state.delivery
               RETURNING due, supplier, contact, is_open, arrived_at IS NOT NULL OR cancelled_at IS NOT NULL AS is_ended,
                   CASE WHEN is_open THEN has_more AND NOT is_told ELSE has_more OR has_less END AS differs,
                   CASE WHEN is_open AND due IS DISTINCT FROM told_due
                        THEN greatest(extract(epoch FROM due + make_interval(secs => $2) - despatch_now()), 0)::float8
                   END AS overdue_in";
    let rows = tx.returning(sql, &[&delivery, &grace.as_secs_f64()]).await?;
    let Some(row) = rows.first() else { return Ok(None) };
    Ok(Some(Delivery {
        due: row.try_get("due")?,
        supplier: row.try_get("supplier")?,
        contact: row.try_get("contact")?,
        is_open: row.try_get("is_open")?,
        is_ended: row.try_get("is_ended")?,
        differs: row.try_get("differs")?,
        overdue_in: row.try_get::<_, Option<f64>>("overdue_in")?.map(Duration::from_secs_f64),
    }))
}

/// Notes how many units the receipts of an announced delivery brought. Rows that are neither expected nor booked go.
async fn note_booked(tx: &Tx<'_>, delivery: &str) -> Result<(), DbError> {
    let sql = "INSERT INTO inventory.expected AS e (delivery, sku, location, quantity, booked)
               SELECT receipt, sku, location, 0, sum(r.quantity)
               FROM inventory.receipt r JOIN inventory.delivery d ON d.delivery = receipt AND d.due IS NOT NULL
               WHERE receipt = $1 GROUP BY receipt, sku, location ORDER BY sku, location
               ON CONFLICT (delivery, sku, location) DO UPDATE SET booked = excluded.booked
                   WHERE e.booked <> excluded.booked";
    tx.execute(sql, &[&delivery]).await?;
    let sql = "WITH gone AS (
                   DELETE FROM inventory.expected WHERE delivery = $1 AND quantity = 0 AND booked = 0
               )
               UPDATE inventory.expected SET told = 0 WHERE delivery = $1 AND told <> 0 AND quantity = booked";
    tx.execute(sql, &[&delivery]).await?;
    Ok(())
}

/// Returns the rows that differ. Of an open delivery these are the ones with too much.
pub(crate) async fn differences(tx: &Tx<'_>, delivery: &str) -> Result<DeliveryLines, DbError> {
    let sql = "SELECT sku, location, quantity, booked, count(*) OVER () AS number
               FROM inventory.expected JOIN inventory.delivery d USING (delivery)
               WHERE delivery = $1 AND (booked > quantity OR booked < quantity AND d.closed_at IS NOT NULL)
               ORDER BY sku, location LIMIT $2";
    lines(&tx.query(sql, &[&delivery, &MOST_LINES]).await?)
}

/// Returns the rows that have not arrived in full.
pub(crate) async fn open_lines(tx: &Tx<'_>, delivery: &str) -> Result<DeliveryLines, DbError> {
    let sql = "SELECT sku, location, quantity, booked, count(*) OVER () AS number FROM inventory.expected
               WHERE delivery = $1 AND booked < quantity ORDER BY sku, location LIMIT $2";
    lines(&tx.query(sql, &[&delivery, &MOST_LINES]).await?)
}

/// Notes that a person was told of the differences.
pub(crate) async fn note_differences_told(tx: &Tx<'_>, delivery: &str) -> Result<(), DbError> {
    let sql = "UPDATE inventory.expected e SET told = booked - quantity FROM inventory.delivery d
               WHERE e.delivery = $1 AND d.delivery = e.delivery
                 AND (booked > quantity OR booked < quantity AND d.closed_at IS NOT NULL)";
    tx.execute(sql, &[&delivery]).await?;
    Ok(())
}

/// Notes that a person was told that the due time has passed.
pub(crate) async fn note_overdue_told(tx: &Tx<'_>, delivery: &str) -> Result<(), DbError> {
    let sql = "UPDATE inventory.delivery SET told_due = due WHERE delivery = $1";
    tx.execute(sql, &[&delivery]).await?;
    Ok(())
}

/// Returns whether a delivery is open and still due at this time.
pub(crate) async fn is_still_due(tx: &Tx<'_>, delivery: &str, due: SystemTime) -> Result<bool, DbError> {
    let sql = "SELECT FROM inventory.delivery WHERE delivery = $1 AND closed_at IS NULL AND due = $2";
    Ok(tx.query_opt(sql, &[&delivery, &due]).await?.is_some())
}

fn lines(rows: &[Row]) -> Result<DeliveryLines, DbError> {
    let line = |row: &Row| {
        Ok(DeliveryLineUnits {
            sku: row.try_get("sku")?,
            location: row.try_get("location")?,
            expected: row.try_get("quantity")?,
            booked: row.try_get("booked")?,
        })
    };
    let number: i64 = rows.first().map_or(Ok(0), |row| row.try_get("number"))?;
    Ok(DeliveryLines {
        lines: rows.iter().map(line).collect::<Result<_, DbError>>()?,
        number: u32::try_from(number).unwrap_or(u32::MAX),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_names_the_first_rows_and_counts_the_others() {
        let line = |number: i64| DeliveryLineUnits {
            sku: format!("A-{number}"),
            location: "main".into(),
            expected: 5,
            booked: number,
        };
        let few = DeliveryLines { lines: (0..2).map(line).collect(), number: 2 };
        assert_eq!(few.to_string(), "A-0 at main: expected 5, booked 0; A-1 at main: expected 5, booked 1");
        let many = DeliveryLines { lines: (0..200).map(line).collect(), number: 450 };
        assert!(many.to_string().ends_with("A-19 at main: expected 5, booked 19; and 430 more rows"));
    }
}
