//! Receipts: units that arrive, and the articles that they make known.

use std::collections::{BTreeMap, HashMap, HashSet};

use despatch_contracts::Event as _;
use despatch_contracts::stock::ReceiveRequested;
use despatch_runtime::{DbError, Params, Tx};
use tokio_postgres::{GenericClient, Row};

/// Records each row once: the units are available, and the SKU is a known article. Returns the rows that are new. Stock rows are
/// locked in the order of their keys.
const RECEIVE: &str = "
    WITH arrived AS (
        INSERT INTO inventory.receipt (receipt, row_id, sku, location, quantity, request_id)
        SELECT receipt, row_id, sku, location, quantity, $6
        FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::int8[]) WITH ORDINALITY
             AS each (receipt, row_id, sku, location, quantity, n)
        ORDER BY receipt, row_id, n
        ON CONFLICT DO NOTHING
        RETURNING receipt, row_id, sku, location, quantity
    ), known AS (
        INSERT INTO inventory.item (sku) SELECT DISTINCT sku FROM arrived ORDER BY sku ON CONFLICT DO NOTHING
    ), moved AS (
        INSERT INTO inventory.movement
            (sku, location, quantity, from_bucket, to_bucket, kind, request_id, by_whom)
        SELECT sku, location, quantity, 'supplier', 'available', $7, $6, $8 FROM arrived
    ), added AS (
        INSERT INTO inventory.stock AS s (sku, location, available)
        SELECT sku, location, sum(quantity) FROM arrived GROUP BY sku, location ORDER BY sku, location
        ON CONFLICT (sku, location) DO UPDATE SET available = s.available + excluded.available
    )
    SELECT receipt, row_id FROM arrived";

/// A row of a delivery.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ArrivedRow<'a> {
    pub(crate) row_id: &'a str,
    pub(crate) sku: &'a str,
    pub(crate) location: &'a str,
    pub(crate) quantity: i64,
}

/// Records the rows of one delivery. Returns the ids of those that were not recorded before.
pub(crate) async fn receive_rows(
    tx: &Tx<'_>,
    (request_id, by, receipt): (&str, &str, &str),
    rows: &[ArrivedRow<'_>],
) -> Result<HashSet<String>, DbError> {
    let receipts = vec![receipt; rows.len()];
    let row_ids: Vec<&str> = rows.iter().map(|row| row.row_id).collect();
    let skus: Vec<&str> = rows.iter().map(|row| row.sku).collect();
    let locations: Vec<&str> = rows.iter().map(|row| row.location).collect();
    let quantities: Vec<i64> = rows.iter().map(|row| row.quantity).collect();
    let params: Params<'_> =
        &[&receipts, &row_ids, &skus, &locations, &quantities, &request_id, &ReceiveRequested::TYPE, &by];
    let rows = tx.returning(RECEIVE, params).await?;
    rows.iter().map(|row| Ok(row.try_get("row_id")?)).collect()
}

/// A row of a delivery, as it was brought first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct BroughtRow {
    pub(crate) sku: String,
    pub(crate) location: String,
    pub(crate) quantity: i64,
}

/// Returns those of the rows of a delivery, by their ids, that were recorded before.
pub(crate) async fn brought_rows(
    tx: &Tx<'_>,
    receipt: &str,
    row_ids: &[String],
) -> Result<HashMap<String, BroughtRow>, DbError> {
    let sql = "SELECT row_id, sku, location, quantity FROM inventory.receipt WHERE receipt = $1 AND row_id = ANY ($2)";
    let rows = tx.query(sql, &[&receipt, &row_ids]).await?;
    let row = |row: &Row| {
        let (sku, location) = (row.try_get("sku")?, row.try_get("location")?);
        Ok((row.try_get("row_id")?, BroughtRow { sku, location, quantity: row.try_get("quantity")? }))
    };
    rows.iter().map(row).collect()
}

/// Returns when and by whom each of these rows of a delivery was recorded, in words.
pub(crate) async fn recorded_before(
    tx: &Tx<'_>,
    receipt: &str,
    row_ids: &[&str],
) -> Result<HashMap<String, String>, DbError> {
    let sql = "SELECT t.row_id, concat_ws(' ', to_char(t.at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI'), 'UTC',
                          'by ' || coalesce(nullif(r.by_whom, ''), nullif(r.requested_by, ''))) AS told
               FROM inventory.receipt t LEFT JOIN inventory.request r USING (request_id)
               WHERE t.receipt = $1 AND t.row_id = ANY ($2)";
    let rows = tx.query(sql, &[&receipt, &row_ids]).await?;
    rows.iter().map(|row: &Row| Ok((row.try_get("row_id")?, row.try_get("told")?))).collect()
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
    let mut units = BTreeMap::<(&str, &str, &str), i64>::new();
    for ReceiptLine { receipt_id, sku, location, quantity } in lines {
        let sum = units.entry((receipt_id, sku, location)).or_default();
        *sum = sum.saturating_add(*quantity);
    }
    let receipts: Vec<&str> = units.keys().map(|(receipt, ..)| *receipt).collect();
    let row_ids: Vec<String> =
        units.keys().map(|(_, sku, location)| format!("{sku} at {location}")).collect();
    let skus: Vec<&str> = units.keys().map(|(_, sku, _)| *sku).collect();
    let locations: Vec<&str> = units.keys().map(|(.., location)| *location).collect();
    let quantities: Vec<i64> = units.values().copied().collect();
    let params: Params<'_> =
        &[&receipts, &row_ids, &skus, &locations, &quantities, &"", &ReceiveRequested::TYPE, &""];
    db.query(RECEIVE, params).await?;
    Ok(())
}

/// Returns the units on these receipts, by SKU. A receipt without a line is left out.
pub async fn units_on_receipts(
    db: &impl GenericClient,
    receipts: &[String],
) -> Result<HashMap<String, HashMap<String, i64>>, DbError> {
    let sql = "SELECT receipt, sku, sum(quantity)::int8 FROM inventory.receipt WHERE receipt = ANY($1)
               GROUP BY receipt, sku";
    let mut units: HashMap<String, HashMap<String, i64>> = HashMap::new();
    for row in db.query(sql, &[&receipts]).await? {
        units.entry(row.try_get(0)?).or_default().insert(row.try_get(1)?, row.try_get(2)?);
    }
    Ok(units)
}
