//! Every event's payload off the wire. The first byte chooses the type.

#![no_main]

use std::fmt::Debug;

use despatch_contracts::runtime::{DeadLetter, Envelope, Replay, Settled};
use despatch_contracts::{
    ALL, Bytes, Emitted, Event, EventId, Incoming, Trace, alert, exception, label, notification, order,
    payment, review, shipment, stock,
};
use despatch_fuzz::bounded;
use libfuzzer_sys::fuzz_target;

/// Every type, in the order of [`ALL`].
const CHECKS: [fn(&[u8]); ALL.len()] = [
    check::<order::OrderPlaced>,
    check::<order::OrderAccepted>,
    check::<order::OrderCancelRequested>,
    check::<order::OrderCancelled>,
    check::<order::OrderReturned>,
    check::<order::OrderCompleted>,
    check::<stock::StockReserved>,
    check::<stock::ReservationExpiryDue>,
    check::<stock::StockReleased>,
    check::<stock::StockPicked>,
    check::<payment::PaymentCaptured>,
    check::<payment::RefundRequested>,
    check::<payment::PaymentRefunded>,
    check::<payment::VoidRequested>,
    check::<payment::PaymentVoided>,
    check::<label::LabelCreated>,
    check::<shipment::ShipmentDespatched>,
    check::<shipment::ShipmentDelivered>,
    check::<shipment::ShipmentFailed>,
    check::<shipment::ShipmentReturned>,
    check::<review::ReviewAskDue>,
    check::<review::ReviewRequested>,
    check::<review::ReviewReceived>,
    check::<review::ReviewLapsed>,
    check::<notification::NotificationSent>,
    check::<notification::Unsubscribed>,
    check::<exception::BulkReplayDue>,
    check::<exception::MonitorDue>,
    check::<alert::AlertRaised>,
    check::<DeadLetter>,
    check::<Settled>,
    check::<Replay>,
];

fuzz_target!(|input: &[u8]| {
    if let Some((choice, payload)) = input.split_first() {
        CHECKS[usize::from(*choice) % CHECKS.len()](payload);
    }
});

fn check<E: Event + PartialEq + Debug>(payload: &[u8]) {
    let decode = |payload| <E as Incoming>::decode(E::TYPE, payload);
    let wire = Bytes::copy_from_slice(payload);
    let Ok(event) = bounded(payload, || decode(wire)) else { return };
    let emitted = Emitted::from(&event);
    // Numbers that were cut short on the wire are written in full.
    assert!(emitted.payload.len() <= 2 * payload.len(), "{} bytes became {emitted:?}", payload.len());
    assert_eq!(decode(emitted.payload.clone()).ok().as_ref(), Some(&event));
    assert_eq!(emitted.subject, Event::subject(&event).to_string());

    // A replay's envelope travels in the replay's stead, whatever it says.
    let envelope = Envelope::of(EventId::new(), "fuzz", emitted, &Trace::root());
    let read = Envelope::read(&envelope.nats_subject, &envelope.headers(), envelope.payload.clone());
    assert_eq!(read.is_ok(), envelope.id().is_ok());
}
