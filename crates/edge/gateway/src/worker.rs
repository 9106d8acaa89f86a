//! The gateway's worker: its schema, and the publishing of committed events.

use despatch_contracts::notification::Unsubscribed;
use despatch_contracts::order::{
    CollectionReported, OrderAddressChangeRequested, OrderCancelRequested, OrderPlaced, OrderRefundRequested,
    OrderUpdateReported, PaymentReported, WebhookKept,
};
use despatch_contracts::payment::RefundReported;
use despatch_contracts::review::ReviewReceived;
use despatch_contracts::shipment::{ShipmentDelivered, ShipmentDespatched, ShipmentFailed, ShipmentReturned};
use despatch_contracts::stock::{
    AdjustRequested, CountRequested, DeliveryArrived, DeliveryCancelRequested, ExpectRequested, ItemsSet,
    LocationSet, ReceiveRequested, TransferArrived, TransferRequested,
};
use despatch_read_model::SCHEMAS;
use despatch_runtime::{Migration, Retention, Worker};

use crate::reread::Reread;

/// The gateway's name and schema.
pub const NAME: &str = "gateway";

const MIGRATIONS: &[Migration] =
    &[Migration { name: "0001_ingest", sql: include_str!("../migrations/0001_ingest.sql") }];

/// Creates the gateway's worker. Of events it consumes only the webhooks that it kept itself.
pub fn worker() -> Worker {
    let worker = Worker::new(NAME, MIGRATIONS)
        .prunes(retentions())
        .emits::<(OrderPlaced, OrderCancelRequested, ReviewReceived, Unsubscribed)>()
        .emits::<(OrderAddressChangeRequested, OrderRefundRequested, PaymentReported, RefundReported)>()
        .emits::<CollectionReported>()
        .emits::<(ShipmentDespatched, ShipmentDelivered, ShipmentFailed, ShipmentReturned)>();
    let worker = worker
        .emits::<(ReceiveRequested, AdjustRequested, CountRequested, TransferRequested)>()
        .emits::<(TransferArrived, ItemsSet, LocationSet)>()
        .emits::<(ExpectRequested, DeliveryArrived, DeliveryCancelRequested)>()
        .emits::<(WebhookKept, OrderUpdateReported)>()
        .handler(Reread);
    SCHEMAS.into_iter().fold(worker, Worker::reads)
}

/// Days for which repeated input is known by default.
const REPEATS_DAYS: u32 = 180;

/// The rows by which repeated scans, changed orders, kept webhooks and requests about stock are known. `gateway.orders` stays for good: it is the memory by which an order is
/// never placed again, and holds nothing personal.
fn retentions() -> [Retention; 4] {
    const TABLES: [&str; 4] =
        ["gateway.scan", "gateway.changed_order", "gateway.kept_webhook", "gateway.stock_request"];
    TABLES.map(|table| {
        let sql = format!(
            "with old as (select ctid from {table} where received_at < $1 limit $2 for update skip locked),
                  gone as (delete from {table} where ctid = any (array(select ctid from old)) returning 1)
             select count(*) from gone"
        );
        Retention::new("repeats", REPEATS_DAYS, sql)
    })
}
