//! The gateway's worker: its schema, and the publishing of committed events.

use despatch_contracts::notification::Unsubscribed;
use despatch_contracts::order::{
    CollectionReported, OrderAddressChangeRequested, OrderCancelRequested, OrderPlaced, OrderRefundRequested,
    PaymentReported,
};
use despatch_contracts::payment::RefundReported;
use despatch_contracts::review::ReviewReceived;
use despatch_contracts::shipment::{ShipmentDelivered, ShipmentDespatched, ShipmentFailed, ShipmentReturned};
use despatch_read_model::SCHEMAS;
use despatch_runtime::{Migration, Worker};

/// The gateway's name and schema.
pub const NAME: &str = "gateway";

const MIGRATIONS: &[Migration] =
    &[Migration { name: "0001_ingest", sql: include_str!("../migrations/0001_ingest.sql") }];

/// Creates the gateway's worker. It consumes no event.
pub fn worker() -> Worker {
    let worker = Worker::new(NAME, MIGRATIONS)
        .emits::<(OrderPlaced, OrderCancelRequested, ReviewReceived, Unsubscribed)>()
        .emits::<(OrderAddressChangeRequested, OrderRefundRequested, PaymentReported, RefundReported)>()
        .emits::<CollectionReported>()
        .emits::<(ShipmentDespatched, ShipmentDelivered, ShipmentFailed, ShipmentReturned)>();
    SCHEMAS.into_iter().fold(worker, Worker::reads)
}
