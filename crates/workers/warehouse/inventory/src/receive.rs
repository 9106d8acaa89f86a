//! Records units that arrived. Each row of a delivery is recorded once, whichever request or file brings it.

use std::collections::HashMap;

use despatch_contracts::Event as _;
use despatch_contracts::stock::{ReceiptRow, ReceiveRequested};
use despatch_runtime::{ConcurrencyKeys, Handler, Tx};

use crate::deliveries::{self, Deliveries};
use crate::error::InventoryError;
use crate::request::{self, Known, check_quantity, check_text};
use crate::row_result::{RowError, RowResult, storable};
use crate::store::{self, ArrivedRow, BroughtRow};
use crate::watch::Watch;

/// Records receipts, row by row.
#[derive(Debug)]
pub struct Receive {
    pub(crate) watch: Watch,
    pub(crate) deliveries: Deliveries,
}

impl Handler for Receive {
    const NAME: &'static str = "inventory.receive";
    type In = ReceiveRequested;
    type Out = ();
    type Error = InventoryError;

    fn keys(&self, event: &ReceiveRequested) -> ConcurrencyKeys {
        deliveries::keys(ConcurrencyKeys::subject(event.subject()), &event.receipt)
    }

    async fn record(&self, event: &ReceiveRequested, tx: &Tx<'_>) -> Result<(), InventoryError> {
        let Some(request) = request::new(tx, event.request.as_ref()).await? else { return Ok(()) };
        // Each SKU of a receipt becomes known.
        let known = Known::read_new(tx, event.rows.iter().map(|row| row.sku.as_str()).collect()).await?;
        let receipt = &storable(&event.receipt);
        let row_ids = row_ids(event, &request.request_id);
        let mut brought = store::brought_rows(tx, receipt, &row_ids).await?;
        let checks: Vec<_> = (event.rows.iter().zip(&row_ids))
            .map(|(row, row_id)| check(row, &known).and_then(|()| check_same(row, row_id, &mut brought)))
            .collect();
        let withheld = event.all_or_nothing && checks.iter().any(Result::is_err);
        let rows: Vec<ArrivedRow<'_>> = (event.rows.iter().zip(&row_ids).zip(&checks))
            .filter(|(_, check)| check.is_ok() && !withheld)
            .map(|((row, row_id), _)| ArrivedRow {
                row_id,
                sku: &row.sku,
                location: &row.location,
                quantity: row.quantity,
            })
            .collect();
        let mut new = store::receive_rows(tx, (&request.request_id, &request.by, receipt), &rows).await?;
        let known_ids: Vec<&str> =
            rows.iter().map(|row| row.row_id).filter(|id| !new.contains(*id)).collect();
        let told = store::recorded_before(tx, receipt, &known_ids).await?;
        let mut results = Vec::with_capacity(checks.len());
        for (at, ((row, row_id), check)) in event.rows.iter().zip(&row_ids).zip(checks).enumerate() {
            let result = RowResult::booked(at, &row.sku, &row.location, row.quantity);
            results.push(match check {
                Err(error) => result.refused(error),
                Ok(()) if withheld => result.withheld(),
                // The first of several rows with one id is the one that was recorded.
                Ok(()) if new.remove(row_id) => result.of_receipt(known.is_new(&row.sku)),
                Ok(()) => result.before(before(told.get(row_id).map(String::as_str))),
            });
        }
        self.watch.ensure_scheduled(tx).await?;
        if !receipt.is_empty() {
            self.deliveries.settle(tx, receipt).await?;
        }
        request::record(tx, &request, (ReceiveRequested::TYPE, receipt), results, false).await?;
        Ok(())
    }
}

fn check(row: &ReceiptRow, known: &Known) -> Result<(), RowError> {
    check_text("a SKU", &row.sku)?;
    known.check_is_no_barcode(&row.sku)?;
    known.check_location(&row.location)?;
    check_quantity("quantity", row.quantity, 1)?;
    if row.row_id.is_empty() { Ok(()) } else { check_text("an id", &row.row_id) }
}

/// Fails if another row with this id was brought before, by an earlier request or by this one.
fn check_same(
    row: &ReceiptRow,
    row_id: &str,
    brought: &mut HashMap<String, BroughtRow>,
) -> Result<(), RowError> {
    let ReceiptRow { sku, location, quantity, .. } = row;
    let asked = BroughtRow { sku: sku.clone(), location: location.clone(), quantity: *quantity };
    let first = brought.entry(row_id.to_owned()).or_insert_with(|| asked.clone());
    if *first == asked {
        return Ok(());
    }
    let error = format!(
        "expected the row that has this id: {} of {:?} at {:?}; found {quantity} of {sku:?} at {location:?}; give another row \
         another id",
        first.quantity, first.sku, first.location
    );
    Err(RowError::new("row-changed", error))
}

fn row_ids(event: &ReceiveRequested, request_id: &str) -> Vec<String> {
    // A row whose id cannot be stored is refused.
    let given = |row: &ReceiptRow| Some(row.row_id.clone()).filter(|id| check_text("an id", id).is_ok());
    let rows = event.rows.iter().enumerate();
    rows.map(|(at, row)| given(row).unwrap_or_else(|| format!("{request_id} {}", at + 1))).collect()
}

fn before(told: Option<&str>) -> RowError {
    let error = match told {
        Some(told) => format!(
            "this row was booked before, on {told}; if it is another delivery, name it with `--receipt NAME`"
        ),
        None => "another row of this request has the same id".to_owned(),
    };
    RowError::new("booked-before", error)
}
