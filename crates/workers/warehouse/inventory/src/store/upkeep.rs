//! The upkeep of the ledger: movements that are pruned, counters that are checked.

use std::sync::LazyLock;

use despatch_runtime::{DbError, Retention, Tx};

use super::ledger_queries::LAW_OF_SKUS;

/// The most SKUs that one run checks.
const MOST: i64 = 500;

/// Days for which movements are kept by default, as orders are.
const KEPT_DAYS: u32 = 730;

/// Positions that the check in the background found wrong.
pub(crate) const UNBALANCED: &str =
    "SELECT count(*)::float8 FROM (SELECT DISTINCT sku, location FROM inventory.imbalance) AS position";

/// Movements go by whole days, and only those whose units the closing balances hold.
pub(crate) fn movement_retention() -> Retention {
    let sql = "WITH kept AS (
                   SELECT greatest(kept_since, (SELECT (max(day) + 1)::timestamp AT TIME ZONE 'UTC' FROM inventory.closing
                                                WHERE (day + 1)::timestamp AT TIME ZONE 'UTC' <= $1)) AS since
                   FROM inventory.ledger
               ), noted AS (
                   UPDATE inventory.ledger SET kept_since = since FROM kept WHERE kept_since < since
               ), old AS (
                   SELECT ctid FROM inventory.movement WHERE at < (SELECT since FROM kept)
                   LIMIT $2 FOR UPDATE SKIP LOCKED
               ), gone AS (
                   DELETE FROM inventory.movement WHERE ctid = ANY (ARRAY(SELECT ctid FROM old)) RETURNING 1
               )
               SELECT count(*) FROM gone";
    Retention::new("movements", KEPT_DAYS, sql)
}

/// Compares the counters of the next SKUs with the ledger, and notes which differ.
pub(crate) async fn check_next(tx: &Tx<'_>) -> Result<(), DbError> {
    static COMPARE: LazyLock<String> = LazyLock::new(|| {
        format!(
            "WITH wrong AS ({LAW_OF_SKUS}), right_again AS (
                 DELETE FROM inventory.imbalance i
                 WHERE sku = ANY ($1) AND NOT EXISTS (SELECT FROM wrong w WHERE w.sku = i.sku AND w.location = i.location
                                                                            AND w.bucket = i.bucket)
             )
             INSERT INTO inventory.imbalance (sku, location, bucket, counted, recorded)
             SELECT sku, location, bucket, counted, recorded FROM wrong
             ON CONFLICT (sku, location, bucket) DO UPDATE
                 SET counted = excluded.counted, recorded = excluded.recorded"
        )
    });
    let next = "WITH next AS (
                    SELECT DISTINCT sku FROM inventory.stock WHERE sku > (SELECT checked FROM inventory.ledger)
                    ORDER BY sku LIMIT $1
                ), noted AS (
                    UPDATE inventory.ledger
                    SET checked = CASE WHEN (SELECT count(*) FROM next) < $1 THEN '' ELSE (SELECT max(sku) FROM next) END
                )
                SELECT sku FROM next";
    let rows = tx.returning(next, &[&MOST]).await?;
    let skus = rows.iter().map(|row| row.try_get("sku")).collect::<Result<Vec<String>, _>>()?;
    tx.execute(&COMPARE, &[&skus]).await?;
    Ok(())
}
