//! The list of all events: each message, its type, and where its key is.

use bytes::Bytes;

use crate::{
    DecodeError, Event, Incoming, alert, exception, label, notification, order, payment, review, runtime,
    shipment, stock,
};

macro_rules! events {
    ($($message:ty => $name:literal, |$event:ident| $key:expr;)+) => {
        $(impl Event for $message {
            const TYPE: &'static str = $name;

            fn order_id(&self) -> &str {
                let $event = self;
                $key
            }
        })+

        /// The full name of the protobuf message of an event type; `None` when there is no such type.
        pub(crate) fn message_of(event_type: &str) -> Option<String> {
            match event_type {
                $($name => Some(<$message as prost::Name>::full_name()),)+
                _ => None,
            }
        }

        /// The key of an event of this type: the order that it is about.
        pub fn key_of(event_type: &str, payload: Bytes) -> Result<String, DecodeError> {
            match event_type {
                $($name => {
                    let event = <$message as Incoming>::decode(event_type, payload)?;
                    Ok(Event::order_id(&event).to_owned())
                })+
                _ => Err(DecodeError::UnknownType(event_type.to_owned())),
            }
        }

        /// Every event's type, in the order of an order's life.
        pub const ALL: &[&str] = &[$($name),+];
    };
}

/// The key of an event that carries a whole order.
fn key(order: Option<&order::Order>) -> &str {
    order.map_or("", |order| &order.order_id)
}

/// The key of a carrier's scan.
fn scanned(scan: Option<&shipment::Scan>) -> &str {
    scan.map_or("", |scan| &scan.order_id)
}

events! {
    order::OrderPlaced => "order.placed", |e| key(e.order.as_ref());
    order::OrderAccepted => "order.accepted", |e| key(e.order.as_ref());
    order::OrderCancelRequested => "order.cancel-requested", |e| &e.order_id;
    order::OrderCancelled => "order.cancelled", |e| &e.order_id;
    order::OrderReturned => "order.returned", |e| &e.order_id;
    order::OrderCompleted => "order.completed", |e| &e.order_id;
    stock::StockReserved => "stock.reserved", |e| key(e.order.as_ref());
    stock::ReservationExpiryDue => "stock.reservation-expiry-due", |e| &e.order_id;
    stock::StockReleased => "stock.released", |e| &e.order_id;
    stock::StockPicked => "stock.picked", |e| key(e.order.as_ref());
    payment::PaymentCaptured => "payment.captured", |e| key(e.order.as_ref());
    payment::RefundRequested => "payment.refund-requested", |e| &e.order_id;
    payment::PaymentRefunded => "payment.refunded", |e| &e.order_id;
    payment::VoidRequested => "payment.void-requested", |e| &e.order_id;
    payment::PaymentVoided => "payment.voided", |e| &e.order_id;
    label::LabelCreated => "label.created", |e| &e.order_id;
    shipment::ShipmentDespatched => "shipment.despatched", |e| scanned(e.scan.as_ref());
    shipment::ShipmentDelivered => "shipment.delivered", |e| scanned(e.scan.as_ref());
    shipment::ShipmentFailed => "shipment.failed", |e| scanned(e.scan.as_ref());
    shipment::ShipmentReturned => "shipment.returned", |e| scanned(e.scan.as_ref());
    review::ReviewAskDue => "review.ask-due", |e| &e.order_id;
    review::ReviewRequested => "review.requested", |e| &e.order_id;
    review::ReviewReceived => "review.received", |e| &e.order_id;
    review::ReviewLapsed => "review.lapsed", |e| &e.order_id;
    notification::NotificationSent => "notification.sent", |e| &e.order_id;
    notification::Unsubscribed => "notification.unsubscribed", |e| &e.order_id;
    exception::BulkReplayDue => "exception.bulk-replay-due", |_e| "";
    exception::MonitorDue => "exception.monitor-due", |_e| "";
    alert::AlertRaised => "alert.raised", |_e| "";
    runtime::DeadLetter => "dead-letter", |e| &e.order_id;
    runtime::Settled => "settled", |e| &e.order_id;
    runtime::Replay => "replay", |e| e.event.as_ref().map_or("", |event| &event.order_id);
}
