//! Records what suppliers announced: a delivery's due time, its supplier, and its rows.

use std::collections::BTreeSet;
use std::time::SystemTime;

use despatch_contracts::Event as _;
use despatch_contracts::stock::{ExpectRequested, ExpectedRow};
use despatch_runtime::{ConcurrencyKeys, Handler, Tx};

use crate::deliveries::{self, Deliveries};
use crate::error::InventoryError;
use crate::request::{self, Known, check_quantity, check_text};
use crate::row_result::{RowError, RowResult, storable};
use crate::store::{self, Announcement, ExpectedUnits};

/// Records announcements, row by row.
#[derive(Debug)]
pub struct Expect {
    pub(crate) deliveries: Deliveries,
}

impl Handler for Expect {
    const NAME: &'static str = "inventory.expect";
    type In = ExpectRequested;
    type Out = ();
    type Error = InventoryError;

    fn keys(&self, event: &ExpectRequested) -> ConcurrencyKeys {
        deliveries::keys(ConcurrencyKeys::subject(event.subject()), &event.delivery)
    }

    async fn record(&self, event: &ExpectRequested, tx: &Tx<'_>) -> Result<(), InventoryError> {
        let Some(request) = request::new(tx, event.request.as_ref()).await? else { return Ok(()) };
        let name = storable(&event.delivery);
        // A delivery may bring an article that nobody knows yet.
        let known = Known::read(tx, BTreeSet::new()).await?;
        let is_new = !store::is_announced(tx, &name).await?;
        let due = event.due.and_then(|due| SystemTime::try_from(due).ok());
        let whole = check_whole(&name, is_new && due.is_none());
        let mut seen = BTreeSet::new();
        let checks: Vec<_> = event
            .rows
            .iter()
            .map(|row| {
                whole.clone()?;
                check(row, &known)?;
                if seen.insert((&*row.sku, &*row.location)) { Ok(()) } else { Err(twice()) }
            })
            .collect();
        let rows: Vec<_> = (event.rows.iter().zip(&checks))
            .filter(|(_, check)| check.is_ok())
            .map(|(row, _)| ExpectedUnits { sku: &row.sku, location: &row.location, quantity: row.quantity })
            .collect();
        let mut results: Vec<RowResult> = (event.rows.iter().zip(checks).enumerate())
            .map(|(at, (row, check))| {
                result(RowResult::booked(at, &row.sku, &row.location, row.quantity), check)
            })
            .collect();
        // A change may have no rows. One row says what became of it.
        let change = if is_new { whole.and_then(|()| Err(rows_missing())) } else { whole };
        if !rows.is_empty() || (event.rows.is_empty() && change.is_ok()) {
            self.announce(tx, event, (&name, due), &rows).await?;
        }
        if event.rows.is_empty() {
            results.push(result(RowResult::booked(0, "", "", 0), change));
        }
        request::record(tx, &request, (ExpectRequested::TYPE, &name), results, false).await?;
        Ok(())
    }
}

impl Expect {
    async fn announce(
        &self,
        tx: &Tx<'_>,
        event: &ExpectRequested,
        (name, due): (&str, Option<SystemTime>),
        rows: &[ExpectedUnits<'_>],
    ) -> Result<(), InventoryError> {
        let (supplier, contact) =
            (event.supplier.as_deref().map(storable), event.contact.as_deref().map(storable));
        let said = Announcement { due, supplier: supplier.as_deref(), contact: contact.as_deref() };
        store::announce(tx, name, said, rows).await?;
        Ok(self.deliveries.settle(tx, name).await?)
    }
}

fn result(row: RowResult, check: Result<(), RowError>) -> RowResult {
    match check {
        Ok(()) => row,
        Err(error) => row.refused(error),
    }
}

/// Checks what all rows share.
fn check_whole(name: &str, lacks_due: bool) -> Result<(), RowError> {
    check_text("a delivery's name", name)?;
    if lacks_due {
        let error = format!("expected the due time of a new delivery, found none for {name:?}");
        return Err(RowError::new("due-missing", error));
    }
    Ok(())
}

fn check(row: &ExpectedRow, known: &Known) -> Result<(), RowError> {
    check_text("a SKU", &row.sku)?;
    known.check_location(&row.location)?;
    check_quantity("quantity", row.quantity, 0)
}

fn twice() -> RowError {
    let error =
        "expected one row of a SKU at a location, found another one in this request; add their units up";
    RowError::new("row-twice", error)
}

fn rows_missing() -> RowError {
    RowError::new("delivery-unknown", "expected rows of a new delivery, or the name of an announced one")
}
