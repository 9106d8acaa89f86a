//! Corrects the units that can be sold, for a reason. A row that takes more than is available is refused, because a count is what
//! takes units from orders.

use despatch_contracts::Event as _;
use despatch_contracts::stock::{AdjustRequested, AdjustRow};
use despatch_runtime::{Handler, Policy, Tx};

use crate::error::InventoryError;
use crate::position::Positions;
use crate::request::{self, Known, check_quantity};
use crate::row_result::{RowError, RowResult};
use crate::store::{self, Movement};

/// Records adjustments, row by row.
#[derive(Debug)]
pub struct Adjust {
    /// Above this value of all changes, in minor units of a currency, a second person must look at a request; 0 for never.
    pub(crate) second_person_above: i64,
}

impl Handler for Adjust {
    const NAME: &'static str = "inventory.adjust";
    const POLICY: Policy = request::ALONE;
    type In = AdjustRequested;
    type Out = ();
    type Error = InventoryError;

    async fn record(&self, event: &AdjustRequested, tx: &Tx<'_>) -> Result<(), InventoryError> {
        let Some(request) = request::new(tx, event.request.as_ref()).await? else { return Ok(()) };
        let known = Known::read(tx, event.rows.iter().map(|row| row.sku.as_str()).collect()).await?;
        let checks: Vec<_> = event.rows.iter().map(|row| check(row, &known)).collect();
        let keys = event.rows.iter().zip(&checks).filter(|(_, check)| check.is_ok());
        let mut positions = Positions::lock(tx, keys.map(|(row, _)| (&*row.sku, &*row.location))).await?;
        let (mut results, mut movements) = (Vec::new(), Vec::new());
        for (at, (row, check)) in event.rows.iter().zip(checks).enumerate() {
            let result = RowResult::booked(at, &row.sku, &row.location, row.change);
            let change = check.and_then(|(from, to)| {
                positions.change(&row.sku, &row.location, row.change)?;
                Ok(Movement {
                    reason: &row.reason,
                    ..Movement::new(&row.sku, &row.location, row.change, from, to)
                })
            });
            results.push(match change {
                Ok(movement) => {
                    movements.push(movement);
                    result
                }
                Err(error) => result.refused(error),
            });
        }
        let cause = (AdjustRequested::TYPE, request.request_id.as_str(), request.by.as_str());
        store::move_units(tx, cause, &positions.changes(), &movements).await?;
        let most = self.second_person_above;
        let needs_second = most > 0 && store::is_worth_more(tx, &movements, most).await?;
        request::record(tx, &request, (AdjustRequested::TYPE, ""), results, needs_second).await?;
        Ok(())
    }
}

/// Returns the bucket that the units leave and the one that they enter.
fn check(row: &AdjustRow, known: &Known) -> Result<(&'static str, &'static str), RowError> {
    known.check_sku(&row.sku)?;
    known.check_location(&row.location)?;
    // The number without its sign, which an `i64` can hold for all but one.
    check_quantity("change", row.change.checked_abs().unwrap_or(i64::MAX), 1)?;
    match (row.reason.as_str(), row.change > 0) {
        ("found" | "data-entry", true) => Ok(("supplier", "available")),
        ("lost", false) => Ok(("available", "lost")),
        ("damaged", false) => Ok(("available", "damaged")),
        ("expired" | "sample", false) => Ok(("available", "scrapped")),
        ("data-entry" | "supplier-short", false) => Ok(("available", "supplier")),
        (reason, true) => {
            let error = format!("reason: expected found or data-entry for more units, found {reason:?}");
            Err(RowError::new("reason-unknown", error))
        }
        (reason, false) => {
            let error = format!(
                "reason: expected lost, damaged, expired, sample, data-entry or supplier-short for fewer units, found {reason:?}"
            );
            Err(RowError::new("reason-unknown", error))
        }
    }
}
