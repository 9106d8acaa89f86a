//! Counts a parcel's units as shipped once the carrier has it.

use despatch_contracts::event_enum;
use despatch_contracts::shipment::{
    Scan, ShipmentDelivered, ShipmentDespatched, ShipmentFailed, ShipmentReturned,
};
use despatch_runtime::{Handler, Tx};

use crate::error::InventoryError;
use crate::store;

event_enum! {
    /// The scans of a parcel. Carriers leave scans out, and each proves that the parcel left.
    pub enum Left {
        Despatched(ShipmentDespatched),
        Delivered(ShipmentDelivered),
        Failed(ShipmentFailed),
        Returned(ShipmentReturned),
    }
}

impl Left {
    fn scan(&self) -> Option<&Scan> {
        match self {
            Left::Despatched(event) => event.scan.as_ref(),
            Left::Delivered(event) => event.scan.as_ref(),
            Left::Failed(event) => event.scan.as_ref(),
            Left::Returned(event) => event.scan.as_ref(),
        }
    }
}

/// Moves the units of parcels that left from reserved to shipped, once per parcel.
#[derive(Debug)]
pub struct Ship;

impl Handler for Ship {
    const NAME: &'static str = "inventory.ship";
    type In = Left;
    type Out = ();
    type Error = InventoryError;

    async fn record(&self, event: &Left, tx: &Tx<'_>) -> Result<(), InventoryError> {
        let Some(scan) = event.scan() else { return Err(InventoryError::OrderMissing) };
        let known = store::ship(tx, &scan.order_id, scan.parcel).await?;
        if known { Ok(()) } else { Err(InventoryError::ParcelUnknown(scan.parcel)) }
    }
}
