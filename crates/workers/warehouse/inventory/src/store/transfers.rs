//! Transfers that are on their way.

use std::collections::{BTreeMap, BTreeSet};

use despatch_runtime::{DbError, Tx};

/// Units that go from one location to another.
#[derive(Debug, Clone, Copy)]
pub(crate) struct OnTheWay<'a> {
    pub(crate) sku: &'a str,
    pub(crate) from: &'a str,
    pub(crate) to: &'a str,
    pub(crate) quantity: i64,
}

/// Returns whether a transfer of this name was sent off before.
pub(crate) async fn is_transfer_known(tx: &Tx<'_>, transfer: &str) -> Result<bool, DbError> {
    let sql = "SELECT FROM inventory.transfer WHERE transfer = $1 LIMIT 1";
    Ok(tx.query_opt(sql, &[&transfer]).await?.is_some())
}

/// Notes what is on its way.
pub(crate) async fn send_off(tx: &Tx<'_>, transfer: &str, rows: &[OnTheWay<'_>]) -> Result<(), DbError> {
    if rows.is_empty() {
        return Ok(());
    }
    let sql = "INSERT INTO inventory.transfer (transfer, sku, source, target, quantity)
               SELECT $1, sku, source, target, sum(quantity) FROM unnest($2::text[], $3::text[], $4::text[], $5::int8[])
                    AS each (sku, source, target, quantity)
               GROUP BY sku, source, target";
    let skus: Vec<&str> = rows.iter().map(|row| row.sku).collect();
    let (from, to): (Vec<&str>, Vec<&str>) = rows.iter().map(|row| (row.from, row.to)).unzip();
    let quantities: Vec<i64> = rows.iter().map(|row| row.quantity).collect();
    tx.execute(sql, &[&transfer, &skus, &from, &to, &quantities]).await?;
    Ok(())
}

/// Locks what is on its way of a transfer. Returns the units by SKU and location of arrival.
pub(crate) async fn lock_transfer(
    tx: &Tx<'_>,
    transfer: &str,
) -> Result<BTreeMap<(String, String), i64>, DbError> {
    let sql = "SELECT sku, target, quantity FROM inventory.transfer
               WHERE transfer = $1 AND arrived_at IS NULL ORDER BY sku, source, target FOR UPDATE";
    let mut units = BTreeMap::new();
    for row in tx.returning(sql, &[&transfer]).await? {
        *units.entry((row.try_get("sku")?, row.try_get("target")?)).or_default() +=
            row.try_get::<_, i64>("quantity")?;
    }
    Ok(units)
}

/// Ends the transfer of these units: `(SKU, location of arrival)`.
pub(crate) async fn end_transfer(
    tx: &Tx<'_>,
    transfer: &str,
    ended: &BTreeSet<(&str, &str)>,
) -> Result<(), DbError> {
    let sql = "UPDATE inventory.transfer SET arrived_at = despatch_now()
               WHERE transfer = $1 AND (sku, target) IN (SELECT * FROM unnest($2::text[], $3::text[]))";
    let (skus, targets): (Vec<&str>, Vec<&str>) = ended.iter().copied().unzip();
    tx.execute(sql, &[&transfer, &skus, &targets]).await?;
    Ok(())
}
