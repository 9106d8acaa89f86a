//! Moves units from one location to another: at once, or until `stock.transfer-arrived` as units on the way.

use despatch_contracts::Event as _;
use despatch_contracts::stock::{TransferRequested, TransferRow};
use despatch_runtime::{Handler, Policy, Tx};

use crate::error::InventoryError;
use crate::position::Positions;
use crate::request::{self, Known, check_quantity, check_text};
use crate::row_result::{RowError, RowResult, storable};
use crate::store::{self, Movement, OnTheWay};

/// Records transfers, row by row.
#[derive(Debug)]
pub struct Transfer;

impl Handler for Transfer {
    const NAME: &'static str = "inventory.transfer";
    const POLICY: Policy = request::ALONE;
    type In = TransferRequested;
    type Out = ();
    type Error = InventoryError;

    async fn record(&self, event: &TransferRequested, tx: &Tx<'_>) -> Result<(), InventoryError> {
        let Some(request) = request::new(tx, event.request.as_ref()).await? else { return Ok(()) };
        let name = if event.transfer.is_empty() { &request.request_id } else { &event.transfer };
        let name = &storable(name);
        let known = Known::read(tx, event.rows.iter().map(|row| row.sku.as_str()).collect()).await?;
        let is_used = event.arrives_later && store::is_transfer_known(tx, name).await?;
        let check = |row| if is_used { Err(used(name)) } else { check(row, name, &known) };
        let checks: Vec<_> = event.rows.iter().map(check).collect();
        let keys = event.rows.iter().zip(&checks).filter(|(_, check)| check.is_ok());
        let keys = keys.flat_map(|(row, _)| [(&*row.sku, &*row.from), (&*row.sku, &*row.to)]);
        let mut positions = Positions::lock(tx, keys).await?;
        let mut results = Vec::with_capacity(checks.len());
        let (mut movements, mut on_the_way) = (Vec::new(), Vec::new());
        for (at, (row, check)) in event.rows.iter().zip(checks).enumerate() {
            let TransferRow { sku, from, to, quantity } = row;
            let result = RowResult::booked(at, sku, from, *quantity);
            if let Err(error) = check.and_then(|()| positions.change(sku, from, -quantity)) {
                results.push(result.refused(error));
                continue;
            }
            results.push(result);
            movements.push(Movement::new(sku, from, *quantity, "available", "transit"));
            if event.arrives_later {
                on_the_way.push(OnTheWay { sku, from, to, quantity: *quantity });
            } else {
                // Adding never fails.
                drop(positions.change(sku, to, *quantity));
                movements.push(Movement::new(sku, to, *quantity, "transit", "available"));
            }
        }
        let cause = (TransferRequested::TYPE, request.request_id.as_str(), request.by.as_str());
        store::move_units(tx, cause, &positions.changes(), &movements).await?;
        store::send_off(tx, name, &on_the_way).await?;
        request::record(tx, &request, (TransferRequested::TYPE, name), results, false).await?;
        Ok(())
    }
}

fn check(row: &TransferRow, name: &str, known: &Known) -> Result<(), RowError> {
    check_text("a transfer's name", name)?;
    known.check_sku(&row.sku)?;
    known.check_location(&row.from)?;
    known.check_location(&row.to)?;
    if row.from == row.to {
        let error = format!("to: expected another location than {:?}", row.from);
        return Err(RowError::new("location-same", error));
    }
    check_quantity("quantity", row.quantity, 1)
}

fn used(name: &str) -> RowError {
    RowError::new("transfer-known", format!("expected a new transfer, found {name:?}: take another name"))
}
