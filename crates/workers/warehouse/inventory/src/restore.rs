//! Gives an order back the units that a count took from it, once there are some.

use despatch_contracts::stock::{ParcelVoided, StockPicked, StockWithdrawn};
use despatch_runtime::{Handler, Tx};

use crate::add::top_up_order;
use crate::error::InventoryError;
use crate::store::{self, Restored};

/// Takes units for an order whose units were gone. Without any, a person decides, and a replay tries again.
#[derive(Debug)]
pub struct Restore;

impl Handler for Restore {
    const NAME: &'static str = "inventory.restore";
    type In = StockWithdrawn;
    type Out = (Vec<ParcelVoided>, Vec<StockPicked>);
    type Error = InventoryError;

    async fn record(&self, event: &StockWithdrawn, tx: &Tx<'_>) -> Result<Self::Out, InventoryError> {
        let short = |available| InventoryError::CountBelowReserved {
            quantity: event.quantity,
            sku: event.sku.clone(),
            location: event.location.clone(),
            available,
        };
        match store::restore(tx, event).await? {
            // A cancelled order needs nothing, and one that reserved again has all.
            Restored::Done | Restored::Over => Ok((Vec::new(), Vec::new())),
            // Its parcels may have other numbers by now, or it may not want the units any more.
            Restored::Changed(order, change) => {
                top_up_order(tx, &order, change).await.map_err(|error| match error {
                    InventoryError::Shortage(_) => short(0),
                    other => other,
                })
            }
            Restored::Short { available } => Err(short(available)),
            Restored::Left => Err(InventoryError::LeftWithout {
                parcel: event.parcel,
                quantity: event.quantity,
                sku: event.sku.clone(),
            }),
        }
    }
}
