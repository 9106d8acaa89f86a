//! Counts a parcel's units as shipped once the carrier has it.

use despatch_contracts::shipment::ShipmentDespatched;
use despatch_runtime::{Handler, Tx};

use crate::error::InventoryError;
use crate::store;

/// Moves the units of despatched parcels from reserved to shipped, once per parcel.
#[derive(Debug)]
pub struct Ship;

impl Handler for Ship {
    const NAME: &'static str = "inventory.ship";
    type In = ShipmentDespatched;
    type Out = ();
    type Error = InventoryError;

    async fn record(&self, event: &ShipmentDespatched, tx: &Tx<'_>) -> Result<(), InventoryError> {
        let Some(scan) = &event.scan else { return Err(InventoryError::OrderMissing) };
        let known = store::ship(tx, &scan.order_id, scan.parcel).await?;
        if known { Ok(()) } else { Err(InventoryError::ParcelUnknown(scan.parcel)) }
    }
}
