//! Counts a parcel's units as shipped once it has left.

use despatch_contracts::event_enum;
use despatch_contracts::shipment::{
    Scan, ShipmentCollected, ShipmentDelivered, ShipmentDespatched, ShipmentFailed, ShipmentReturned,
};
use despatch_runtime::{Handler, Tx};

use crate::error::InventoryError;
use crate::store;

event_enum! {
    /// The events that prove that a parcel left. Carriers leave scans out, so each scan does.
    pub enum Left {
        Despatched(ShipmentDespatched),
        Delivered(ShipmentDelivered),
        Failed(ShipmentFailed),
        Returned(ShipmentReturned),
        Collected(ShipmentCollected),
    }
}

impl Left {
    /// Returns the order's id and the parcel.
    fn parcel(&self) -> Option<(&str, u32)> {
        fn scanned(scan: Option<&Scan>) -> Option<(&str, u32)> {
            scan.map(|scan| (scan.order_id.as_str(), scan.parcel))
        }
        match self {
            Left::Despatched(event) => scanned(event.scan.as_ref()),
            Left::Delivered(event) => scanned(event.scan.as_ref()),
            Left::Failed(event) => scanned(event.scan.as_ref()),
            Left::Returned(event) => scanned(event.scan.as_ref()),
            Left::Collected(event) => Some((&event.order_id, event.parcel)),
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
        let (order_id, parcel) = event.parcel().ok_or(InventoryError::OrderMissing)?;
        let known = store::ship(tx, order_id, parcel).await?;
        if known { Ok(()) } else { Err(InventoryError::ParcelUnknown(parcel)) }
    }
}
