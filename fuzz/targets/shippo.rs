//! Shippo's webhook of a parcel's way.

#![no_main]

use despatch_contracts::Incoming as _;
use despatch_contracts::shipment::{ShipmentDelivered, ShipmentDespatched, ShipmentFailed, ShipmentReturned};
use despatch_fuzz::{bounded, check_refusal};
use despatch_gateway::shippo;
use despatch_read_model::labels::TrackedParcel;
use libfuzzer_sys::fuzz_target;

despatch_contracts::event_enum! {
    /// The events that a scan may become.
    enum Moved {
        Despatched(ShipmentDespatched),
        Delivered(ShipmentDelivered),
        Failed(ShipmentFailed),
        Returned(ShipmentReturned),
    }
}

fuzz_target!(|body: &[u8]| {
    match bounded(body, || shippo::read(body)) {
        Ok(Some(scanned)) => {
            let parcel = TrackedParcel { order_id: "o-1".into(), parcel: 2, parcels: 3 };
            let event = scanned.event(&parcel);
            assert!(event.payload.len() <= 2 * body.len(), "{} bytes became {event:?}", body.len());
            let moved = Moved::decode(event.event_type, event.payload).expect("one of the four events");
            let (Moved::Despatched(ShipmentDespatched { scan })
            | Moved::Delivered(ShipmentDelivered { scan })
            | Moved::Failed(ShipmentFailed { scan })
            | Moved::Returned(ShipmentReturned { scan })) = moved;
            let scan = scan.expect("the scan");
            assert_eq!((&*scan.order_id, scan.parcel, scan.parcels), ("o-1", 2, 3));
            for key in [scan.carrier, scan.tracking_number] {
                assert!((1..=200).contains(&key.len()) && !key.contains('\0'), "{key:?}");
            }
        }
        Ok(None) => {}
        Err(invalid) => check_refusal(&invalid),
    }
});
