//! Ends transfers: of an article that is reported what arrived is available, and the rest is lost. Articles that are not reported
//! stay on their way.

use std::collections::{BTreeMap, BTreeSet};

use despatch_contracts::Event as _;
use despatch_contracts::stock::{ArrivedRow, TransferArrived};
use despatch_runtime::{Handler, Policy, Tx};

use crate::error::InventoryError;
use crate::position::Positions;
use crate::request;
use crate::row_result::{RowError, RowResult, storable};
use crate::store::{self, Movement};

/// Records what arrived of a transfer, row by row.
#[derive(Debug)]
pub struct Arrive;

impl Handler for Arrive {
    const NAME: &'static str = "inventory.arrive";
    const POLICY: Policy = request::ALONE;
    type In = TransferArrived;
    type Out = ();
    type Error = InventoryError;

    async fn record(&self, event: &TransferArrived, tx: &Tx<'_>) -> Result<(), InventoryError> {
        let Some(request) = request::new(tx, event.request.as_ref()).await? else { return Ok(()) };
        let name = storable(&event.transfer);
        let mut on_the_way = store::lock_transfer(tx, &name).await?;
        let rows = rows(event, &on_the_way);
        let keys = on_the_way.keys().map(|(sku, to)| (sku.as_str(), to.as_str()));
        let mut positions = Positions::lock(tx, keys).await?;
        let (mut movements, mut ended) = (Vec::new(), BTreeSet::new());
        let mut results = Vec::with_capacity(rows.len());
        let twice = twice(&rows);
        for (at, row) in rows.iter().enumerate() {
            let ArrivedRow { sku, to, quantity } = row;
            let result = RowResult::booked(at, sku, to, *quantity);
            let key = (sku.clone(), to.clone());
            let is_twice = twice.contains(&(sku.as_str(), to.as_str()));
            let check = || check(row, &name, on_the_way.get(&key).copied());
            let sent = match if is_twice { Err(row_twice()) } else { check() } {
                Ok(sent) => sent,
                Err(error) => {
                    results.push(result.refused(error));
                    continue;
                }
            };
            results.push(result);
            // Adding never fails.
            drop(positions.change(sku, to, *quantity));
            let parts = [(*quantity, "available"), (sent - quantity, "lost")];
            for (units, bucket) in parts.into_iter().filter(|(units, _)| *units > 0) {
                movements.push(Movement::new(sku, to, units, "transit", bucket));
            }
            on_the_way.remove(&key);
            ended.insert((sku.as_str(), to.as_str()));
        }
        let cause = (TransferArrived::TYPE, request.request_id.as_str(), request.by.as_str());
        store::move_units(tx, cause, &positions.changes(), &movements).await?;
        store::end_transfer(tx, &name, &ended).await?;
        request::record(tx, &request, (TransferArrived::TYPE, &name), results, false).await?;
        Ok(())
    }
}

/// Returns the rows: without any, everything that is on the way arrived.
fn rows(event: &TransferArrived, on_the_way: &BTreeMap<(String, String), i64>) -> Vec<ArrivedRow> {
    if !event.rows.is_empty() {
        return event.rows.clone();
    }
    if on_the_way.is_empty() {
        // One row, which is refused, says that there is nothing on the way.
        return vec![ArrivedRow::default()];
    }
    let row = |((sku, to), units): (&(String, String), &i64)| ArrivedRow {
        sku: sku.clone(),
        to: to.clone(),
        quantity: *units,
    };
    on_the_way.iter().map(row).collect()
}

/// Returns what comes more than once. Each row would end the transfer of it, and write the others off.
fn twice(rows: &[ArrivedRow]) -> BTreeSet<(&str, &str)> {
    let mut seen = BTreeSet::new();
    rows.iter().map(|row| (row.sku.as_str(), row.to.as_str())).filter(|key| !seen.insert(*key)).collect()
}

fn row_twice() -> RowError {
    let error = "expected one row with all units of a SKU that arrived at a location, found another one in this request";
    RowError::new("row-twice", error)
}

/// Returns how many units were sent.
fn check(row: &ArrivedRow, transfer: &str, sent: Option<i64>) -> Result<i64, RowError> {
    let Some(sent) = sent else {
        let error = if row.sku.is_empty() {
            format!("expected a transfer that is on its way, found {transfer:?}")
        } else {
            format!("expected units of transfer {transfer:?}, found none of {:?} to {:?}", row.sku, row.to)
        };
        return Err(RowError::new("transfer-unknown", error));
    };
    if (0..=sent).contains(&row.quantity) {
        return Ok(sent);
    }
    let error = format!(
        "quantity: expected 0 to {sent} units, which were sent, found {}; enter more as an adjustment",
        row.quantity
    );
    Err(RowError::new("quantity-invalid", error))
}
