//! Requests about stock: what is known when one is worked on, and its results.

use std::collections::BTreeSet;

use despatch_contracts::stock::StockRequest;
use despatch_runtime::{DbError, Tx};
use tokio_postgres::types::Json;

use crate::row_result::RowResult;

/// Returns whether the request was worked on before.
pub(crate) async fn is_request_known(tx: &Tx<'_>, request_id: &str) -> Result<bool, DbError> {
    let sql = "SELECT FROM inventory.request WHERE request_id = $1";
    Ok(tx.query_opt(sql, &[&request_id]).await?.is_some())
}

/// Records a request and its results: how many rows were refused, and whether a second person must look at it.
pub(crate) async fn record_request(
    tx: &Tx<'_>,
    request: &StockRequest,
    (kind, name): (&str, &str),
    (refused, needs_second): (usize, bool),
    results: Vec<RowResult>,
) -> Result<(), DbError> {
    let sql =
        "INSERT INTO inventory.request (request_id, kind, requested_by, by_whom, note, name, rows, refused,
                                              needs_second, results)
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";
    let StockRequest { request_id, requested_by, by, note } = request;
    // A message has far fewer rows than that.
    let number = |rows: usize| i32::try_from(rows).unwrap_or(i32::MAX);
    let (rows, refused, results) = (number(results.len()), number(refused), Json(results));
    tx.execute(
        sql,
        &[request_id, &kind, requested_by, by, note, &name, &rows, &refused, &needs_second, &results],
    )
    .await?;
    Ok(())
}

/// Returns the ids of all locations.
pub(crate) async fn location_ids(tx: &Tx<'_>) -> Result<BTreeSet<String>, DbError> {
    let rows = tx.query("SELECT id FROM inventory.location", &[]).await?;
    rows.iter().map(|row| Ok(row.try_get("id")?)).collect()
}

/// Returns those of the SKUs that no article has.
pub(crate) async fn unknown_skus(tx: &Tx<'_>, skus: &[&str]) -> Result<Vec<String>, DbError> {
    let sql = "SELECT sku FROM unnest($1::text[]) AS asked (sku)
               WHERE NOT EXISTS (SELECT FROM inventory.item i WHERE i.sku = asked.sku)";
    let rows = tx.query(sql, &[&skus]).await?;
    rows.iter().map(|row| Ok(row.try_get("sku")?)).collect()
}

/// Returns articles that begin or end as one of these SKUs does: those among which a misspelt one is looked for.
pub(crate) async fn skus_near(tx: &Tx<'_>, skus: &[String]) -> Result<Vec<String>, DbError> {
    let sql = "SELECT sku FROM inventory.item
               WHERE lower(left(sku, 3)) = ANY (SELECT lower(left(near, 3)) FROM unnest($1::text[]) AS near)
                  OR lower(right(sku, 3)) = ANY (SELECT lower(right(near, 3)) FROM unnest($1::text[]) AS near)
               ORDER BY sku LIMIT 2000";
    let rows = tx.query(sql, &[&skus]).await?;
    rows.iter().map(|row| Ok(row.try_get("sku")?)).collect()
}
