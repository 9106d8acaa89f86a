//! Events of an order, and an environment that handles them.

use despatch_contracts::label::LabelCreated;
use despatch_contracts::order::{
    Order, OrderAccepted, OrderCancelRequested, OrderPlaced, OrderUpdateReported,
};
use despatch_contracts::payment::PaymentCaptured;
use despatch_contracts::review::ReviewReceived;
use despatch_contracts::shipment::{Scan, ShipmentDelivered, ShipmentDespatched};
use despatch_contracts::stock::{Allocation, Parcel, StockPicked, StockReserved};
use despatch_read_model::orders::{self, Progress, Step};
use despatch_status::OrderState;
use despatch_testkit::{TestEnv, order};

/// An environment with the worker running in it.
pub(crate) async fn env() -> TestEnv {
    let env = TestEnv::new().await;
    env.run(despatch_orders::worker()).await;
    env
}

/// Places the sample order and waits for its acceptance.
pub(crate) async fn accepted(env: &TestEnv, id: &str) {
    env.deliver(&placed(id)).await;
    env.expect::<OrderAccepted>(id).await;
}

pub(crate) async fn status(env: &TestEnv, id: &str) -> Progress {
    orders::progress(&env.db().await, id).await.expect("the tables are there").expect("the order is there")
}

pub(crate) async fn timeline(env: &TestEnv, id: &str) -> Vec<Step> {
    orders::timeline(&env.db().await, id).await.expect("the tables are there")
}

/// The timeline as (event, state after it, reason).
pub(crate) async fn recorded(env: &TestEnv, id: &str) -> Vec<(String, OrderState, String)> {
    let numbers = "select seq from orders.timeline where order_id = $1 order by seq";
    let numbers = env.db().await.query(numbers, &[&id]).await.expect("the table is there");
    assert!((1..).zip(&numbers).all(|(seq, row)| row.get::<_, i32>(0) == seq), "no gaps");
    timeline(env, id).await.into_iter().map(|step| (step.event, step.to, step.reason)).collect()
}

pub(crate) fn placed(id: &str) -> OrderPlaced {
    OrderPlaced { order: Some(order(id)) }
}

pub(crate) fn reserved(id: &str) -> StockReserved {
    StockReserved { order: Some(order(id)), ..StockReserved::default() }
}

pub(crate) fn captured(id: &str) -> PaymentCaptured {
    let order = order(id);
    PaymentCaptured {
        reference: "ch_1".into(),
        amount_minor: order.total_minor,
        currency: order.currency.clone(),
        order: Some(order),
    }
}

pub(crate) fn picked(id: &str, number: u32, of: u32) -> StockPicked {
    // The sample order has three units.
    let units = match (number, of) {
        (_, 1) => 3,
        (1, _) => 1,
        _ => 2,
    };
    let contents = vec![Allocation { quantity: units, line: 1, ..Allocation::default() }];
    let parcel = Parcel { number, of, location: "EAST".into(), contents, ..Parcel::default() };
    StockPicked { order: Some(order(id)), parcel: Some(parcel) }
}

pub(crate) fn labelled(id: &str, parcel: u32, parcels: u32) -> LabelCreated {
    LabelCreated {
        order_id: id.into(),
        parcel,
        parcels,
        carrier: "own".into(),
        service: "ground".into(),
        tracking_number: format!("DH-{parcel}"),
        label_id: format!("{id}-{parcel}"),
    }
}

pub(crate) fn scan(id: &str, parcel: u32, parcels: u32) -> Scan {
    Scan {
        order_id: id.into(),
        parcel,
        parcels,
        carrier: "own".into(),
        tracking_number: format!("DH-{parcel}"),
        detail: "as the carrier says".into(),
        ..Scan::default()
    }
}

pub(crate) fn despatched(id: &str, parcel: u32, parcels: u32) -> ShipmentDespatched {
    ShipmentDespatched { scan: Some(scan(id, parcel, parcels)) }
}

pub(crate) fn delivered(id: &str, parcel: u32, parcels: u32) -> ShipmentDelivered {
    ShipmentDelivered { scan: Some(scan(id, parcel, parcels)) }
}

pub(crate) fn reviewed(id: &str) -> ReviewReceived {
    ReviewReceived { order_id: id.into(), rating: 5, comment: "Lovely".into() }
}

pub(crate) fn cancel(id: &str) -> OrderCancelRequested {
    OrderCancelRequested {
        order_id: id.into(),
        reason: "changed my mind".into(),
        requested_by: "customer".into(),
        by: String::new(),
    }
}

/// The order as its shop has it at a second of its clock, with this change. The amounts add up, and the payment is said to be
/// for all of them.
pub(crate) fn at(id: &str, second: i64, change: impl FnOnce(&mut Order)) -> Order {
    let mut order = order(id);
    change(&mut order);
    let total = i64::try_from(order.parts_minor()).expect("a total");
    (order.total_minor, order.tenders[0].amount_minor) = (total, total);
    order.updated_at = Some(prost_types::Timestamp { seconds: 1_900_000_000 + second, nanos: 0 });
    order
}

pub(crate) fn update(order: Order) -> OrderUpdateReported {
    OrderUpdateReported { order: Some(order) }
}

/// The lines' numbers and the units that stand.
pub(crate) fn units(order: &Order) -> Vec<(u32, i64)> {
    order.lines.iter().map(|line| (line.number, line.quantity - line.removed)).collect()
}
