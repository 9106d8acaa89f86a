//! The list of all events: each message with its type and its subject.

use bytes::Bytes;

use crate::{
    DecodeError, Event, Incoming, Subject, alert, exception, label, notification, order, payment, provider,
    review, runtime, shipment, stock,
};

macro_rules! events {
    ($($message:ty => $name:literal, |$event:ident| $subject:expr;)+) => {
        $(impl Event for $message {
            const TYPE: &'static str = $name;

            fn subject(&self) -> Subject<'_> {
                let $event = self;
                $subject
            }
        })+

        /// Returns the full name of an event type's protobuf message; `None` if there is no such type.
        pub(crate) fn message_of(event_type: &str) -> Option<String> {
            match event_type {
                $($name => Some(<$message as prost::Name>::full_name()),)+
                _ => None,
            }
        }

        /// Returns the subject of an event of this type, as text.
        pub fn subject_of(event_type: &str, payload: Bytes) -> Result<String, DecodeError> {
            match event_type {
                $($name => {
                    let event = <$message as Incoming>::decode(event_type, payload)?;
                    Ok(Event::subject(&event).into())
                })+
                _ => Err(DecodeError::UnknownType(event_type.to_owned())),
            }
        }

        /// Every event type, in the order of an order's life.
        pub const ALL: &[&str] = &[$($name),+];
    };
}

/// Returns the subject of an event that carries a whole order.
fn whole(order: Option<&order::Order>) -> Subject<'_> {
    order.map_or(Subject::NONE, |order| Subject::order(&order.order_id))
}

/// Returns the subject of a carrier's scan.
fn scanned(scan: Option<&shipment::Scan>) -> Subject<'_> {
    scan.map_or(Subject::NONE, |scan| Subject::order(&scan.order_id))
}

/// Returns the subject of a command about stock.
fn asked(request: Option<&stock::StockRequest>) -> Subject<'_> {
    request.map_or(Subject::NONE, |request| Subject::new("stock-request", &request.request_id))
}

events! {
    order::OrderPlaced => "order.placed", |e| whole(e.order.as_ref());
    order::OrderAccepted => "order.accepted", |e| whole(e.order.as_ref());
    order::WebhookKept => "order.webhook-kept", |_e| Subject::NONE;
    order::OrderUpdateReported => "order.update-reported", |e| whole(e.order.as_ref());
    order::PaymentReported => "order.payment-reported", |e| Subject::order(&e.order_id);
    order::PaymentDue => "order.payment-due", |e| Subject::order(&e.order_id);
    order::OrderRefundRequested => "order.refund-requested", |e| Subject::order(&e.order_id);
    order::OrderCancelRequested => "order.cancel-requested", |e| Subject::order(&e.order_id);
    order::OrderAddressChangeRequested => "order.address-change-requested", |e| Subject::order(&e.order_id);
    order::OrderChanged => "order.changed", |e| whole(e.order.as_ref());
    order::AdditionReported => "order.addition-reported", |e| whole(e.order.as_ref());
    order::OrderExtended => "order.extended", |e| whole(e.order.as_ref());
    order::CollectionReported => "order.collection-reported", |e| Subject::order(&e.order_id);
    order::OrderCancelled => "order.cancelled", |e| Subject::order(&e.order_id);
    order::OrderReturned => "order.returned", |e| Subject::order(&e.order_id);
    order::OrderCompleted => "order.completed", |e| Subject::order(&e.order_id);
    stock::StockReserved => "stock.reserved", |e| whole(e.order.as_ref());
    stock::ReservationExpiryDue => "stock.reservation-expiry-due", |e| Subject::order(&e.order_id);
    stock::StockReleased => "stock.released", |e| Subject::order(&e.order_id);
    stock::StockPicked => "stock.picked", |e| whole(e.order.as_ref());
    stock::ParcelVoided => "stock.parcel-voided", |e| Subject::order(&e.order_id);
    stock::ChangeMissed => "stock.change-missed", |e| Subject::order(&e.order_id);
    stock::ReceiveRequested => "stock.receive-requested", |e| asked(e.request.as_ref());
    stock::AdjustRequested => "stock.adjust-requested", |e| asked(e.request.as_ref());
    stock::CountRequested => "stock.count-requested", |e| asked(e.request.as_ref());
    stock::TransferRequested => "stock.transfer-requested", |e| asked(e.request.as_ref());
    stock::TransferArrived => "stock.transfer-arrived", |e| asked(e.request.as_ref());
    stock::ExpectRequested => "stock.expect-requested", |e| asked(e.request.as_ref());
    stock::DeliveryArrived => "stock.delivery-arrived", |e| asked(e.request.as_ref());
    stock::DeliveryCancelRequested => "stock.delivery-cancel-requested", |e| asked(e.request.as_ref());
    stock::DeliveryCheckDue => "stock.delivery-check-due", |e| Subject::new("delivery", &e.delivery);
    stock::DeliveryDiffered => "stock.delivery-differed", |e| Subject::new("delivery", &e.delivery);
    stock::DeliveryOverdue => "stock.delivery-overdue", |e| Subject::new("delivery", &e.delivery);
    stock::ItemsSet => "stock.items-set", |e| asked(e.request.as_ref());
    stock::LocationSet => "stock.location-set", |e| asked(e.request.as_ref());
    stock::ItemsDescribed => "stock.items-described", |e| Subject::new("stock-request", &e.request_id);
    stock::LocationDescribed => "stock.location-described", |e| Subject::new("location", &e.location);
    stock::StockWithdrawn => "stock.withdrawn", |e| Subject::order(&e.order_id);
    stock::StockLevelDue => "stock.level-due", |_e| Subject::NONE;
    stock::StockLevelChanged => "stock.level-changed", |e| Subject::new("sku", &e.sku);
    stock::StockClosingDue => "stock.closing-due", |_e| Subject::NONE;
    stock::StockCheckDue => "stock.check-due", |_e| Subject::NONE;
    stock::StockCoverDue => "stock.cover-due", |_e| Subject::NONE;
    stock::StockRanLow => "stock.ran-low", |e| Subject::new("sku", &e.sku);
    payment::PaymentAuthorised => "payment.authorised", |e| whole(e.order.as_ref());
    payment::PaymentCaptured => "payment.captured", |e| whole(e.order.as_ref());
    payment::RefundRequested => "payment.refund-requested", |e| Subject::order(&e.order_id);
    payment::RefundApproved => "payment.refund-approved", |e| Subject::order(&e.order_id);
    payment::RefundOverdue => "payment.refund-overdue", |e| Subject::order(&e.order_id);
    payment::RefundReported => "payment.refund-reported", |e| Subject::order(&e.order_id);
    payment::RefundRefused => "payment.refund-refused", |e| Subject::order(&e.order_id);
    payment::PaymentRefunded => "payment.refunded", |e| Subject::order(&e.order_id);
    payment::PaymentChanged => "payment.changed", |e| Subject::order(&e.order_id);
    payment::RefundFailed => "payment.refund-failed", |e| Subject::order(&e.order_id);
    payment::PaymentDisputed => "payment.disputed", |e| Subject::order(&e.order_id);
    payment::DisputeLost => "payment.dispute-lost", |e| Subject::order(&e.order_id);
    payment::VoidRequested => "payment.void-requested", |e| Subject::order(&e.order_id);
    payment::PaymentVoided => "payment.voided", |e| Subject::order(&e.order_id);
    label::LabelCreated => "label.created", |e| Subject::order(&e.order_id);
    label::LabelVoidRequested => "label.void-requested", |e| Subject::order(&e.order_id);
    label::LabelVoidDue => "label.void-due", |e| Subject::order(&e.order_id);
    label::LabelVoided => "label.voided", |e| Subject::order(&e.order_id);
    shipment::ShipmentDespatched => "shipment.despatched", |e| scanned(e.scan.as_ref());
    shipment::ShipmentDelivered => "shipment.delivered", |e| scanned(e.scan.as_ref());
    shipment::ShipmentFailed => "shipment.failed", |e| scanned(e.scan.as_ref());
    shipment::ShipmentReturned => "shipment.returned", |e| scanned(e.scan.as_ref());
    shipment::ReadyForPickup => "shipment.ready-for-pickup", |e| Subject::order(&e.order_id);
    shipment::ShipmentCollected => "shipment.collected", |e| Subject::order(&e.order_id);
    review::ReviewAskDue => "review.ask-due", |e| Subject::order(&e.order_id);
    review::ReviewRequested => "review.requested", |e| Subject::order(&e.order_id);
    review::ReviewReceived => "review.received", |e| Subject::order(&e.order_id);
    review::ReviewLapsed => "review.lapsed", |e| Subject::order(&e.order_id);
    notification::NotificationSent => "notification.sent", |e| Subject::order(&e.order_id);
    notification::NotificationSkipped => "notification.skipped", |e| Subject::order(&e.order_id);
    notification::Unsubscribed => "notification.unsubscribed", |e| Subject::order(&e.order_id);
    exception::BulkReplayDue => "exception.bulk-replay-due", |_e| Subject::NONE;
    exception::MonitorDue => "exception.monitor-due", |_e| Subject::NONE;
    alert::AlertRaised => "alert.raised", |_e| Subject::NONE;
    provider::ProviderFailed => "provider.failed", |e| Subject::new("provider", &e.provider);
    provider::ProviderRecovered => "provider.recovered", |e| Subject::new("provider", &e.provider);
    runtime::DeadLetter => "dead-letter", |e| Subject::parse(&e.subject);
    runtime::Settled => "settled", |e| Subject::parse(&e.subject);
    runtime::Replay => "replay", |e| {
        e.event.as_ref().map_or(Subject::NONE, |event| Subject::parse(&event.subject))
    };
}
