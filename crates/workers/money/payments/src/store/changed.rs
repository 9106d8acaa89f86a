//! Orders that changed after they were accepted, as they are now.

use despatch_contracts::order::Order;
use despatch_runtime::{DbError, Retention, Row, Stored, Tx};
use prost::Message as _;

/// An order as it is now, and the number of the change that made it so.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Changed {
    pub(crate) change: u32,
    pub(crate) order: Order,
}

/// Reads the columns `change` and `document`. Returns `None` for an order that did not change.
pub(crate) fn of(row: &Row) -> Result<Option<Changed>, DbError> {
    let Some(Stored(order)) = row.try_get("document")? else { return Ok(None) };
    let change: i64 = row.try_get("change")?;
    Ok(Some(Changed { change: u32::try_from(change).unwrap_or(u32::MAX), order }))
}

/// Notes an order as it is now; returns false if a newer change of it is known, or this one.
pub(crate) async fn note(tx: &Tx<'_>, change: u32, order: &Order) -> Result<bool, DbError> {
    let sql = "INSERT INTO payments.changed (order_id, change, document) VALUES ($1, $2, $3)
               ON CONFLICT (order_id) DO UPDATE
                  SET change = excluded.change, document = excluded.document, changed_at = excluded.changed_at
                WHERE changed.change < excluded.change";
    Ok(tx.execute(sql, &[&order.order_id, &i64::from(change), &order.encode_to_vec()]).await? == 1)
}

/// Waits until no capture of the order is being recorded, and keeps the next one waiting until this transaction ends.
///
/// A capture writes the tender of number 1, or 0 if nothing was paid. A row of the same key that comes and goes here makes
/// whichever is second wait for the other, so one of them sees both the capture and the change.
pub(crate) async fn hold_capture(tx: &Tx<'_>, order_id: &str) -> Result<(), DbError> {
    let sql = "INSERT INTO payments.tender (order_id, number, provider, authorisation, capture, currency, captured_minor)
               SELECT $1, number, '', '', '', '', 0 FROM generate_series(0, 1) AS number
               ON CONFLICT DO NOTHING
               RETURNING number";
    let rows = tx.returning(sql, &[&order_id]).await?;
    let numbers = rows.iter().map(|row| row.try_get(0)).collect::<Result<Vec<i32>, _>>()?;
    let sql = "DELETE FROM payments.tender WHERE order_id = $1 AND number = ANY ($2)";
    tx.execute(sql, &[&order_id, &numbers]).await?;
    Ok(())
}

/// Days for which a changed order is kept by default, as orders are.
const KEPT_DAYS: u32 = 730;

/// The orders that changed, once nobody needs them any more.
pub(crate) fn retention() -> Retention {
    let sql = "with old as (
                   select order_id from payments.changed where order_id < $3 and changed_at < $1
                    order by order_id limit $2 for update skip locked
               ), gone as (
                   delete from payments.changed using old where changed.order_id = old.order_id returning 1
               )
               select count(*) from gone";
    Retention::new("orders", KEPT_DAYS, sql)
}
