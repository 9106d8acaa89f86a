//! What the runtime runs for the gateway: its schema, and the publishing of what it committed.

use despatch_contracts::notification::Unsubscribed;
use despatch_contracts::order::{OrderCancelRequested, OrderPlaced};
use despatch_contracts::review::ReviewReceived;
use despatch_contracts::shipment::{ShipmentDelivered, ShipmentDespatched, ShipmentFailed, ShipmentReturned};
use despatch_runtime::{Migration, Worker};

/// The gateway's name, and its schema's.
pub const NAME: &str = "gateway";

const MIGRATIONS: &[Migration] =
    &[Migration { name: "0001_ingest", sql: include_str!("../migrations/0001_ingest.sql") }];

/// The gateway's worker. It consumes no event.
pub fn worker() -> Worker {
    Worker::new(NAME, MIGRATIONS)
        .emits::<(OrderPlaced, OrderCancelRequested, ReviewReceived, Unsubscribed)>()
        .emits::<(ShipmentDespatched, ShipmentDelivered, ShipmentFailed, ShipmentReturned)>()
        .reads(despatch_orders::NAME)
        .reads(despatch_payments::NAME)
        .reads(despatch_labels::NAME)
        .reads(despatch_notifications::NAME)
        .reads(despatch_reviews::NAME)
}
