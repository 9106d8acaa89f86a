//! The orders worker. It checks placed orders and accepts them, or makes each a case with all of its defects. Orders that
//! are not paid yet wait for the shop's word. It consumes every fact about an order, holds its state machine and its timeline, and reports when the order is
//! completed or returned. It cancels on request while no parcel is despatched, and requests the refund. While all
//! of the order is still with us, it follows changes by the shop, and of the address by the customer.
//!
//! [`store`] has the counts per state, for an audit.

mod accept;
mod add;
mod cancel;
mod change_address;
mod collect;
mod command;
mod difference;
mod email;
mod lifecycle;
mod lines;
mod moved;
mod order_fact;
mod pay;
mod refund;
mod share;
pub mod store;
mod tenders;
mod track;
mod unpaid;
mod update;
mod validate;

use despatch_contracts::order::PaymentDue;
use despatch_runtime::{Migration, SqlGauge, Worker};
use despatch_status::OrderState;

pub use validate::{Invalid, validate};

/// The worker's name and schema.
pub const NAME: &str = "orders";

const MIGRATIONS: &[Migration] =
    &[Migration { name: "0001_orders", sql: include_str!("../migrations/0001_orders.sql") }];

/// Creates the worker with all its handlers. There is nothing to configure.
pub fn worker() -> Worker {
    let mut worker = Worker::new(NAME, MIGRATIONS);
    let payment_due = worker.timer::<PaymentDue>();
    worker
        .queries(store::QUERIES)
        .prunes(store::retentions())
        .handler(accept::Accept { payment_due })
        .handler(pay::Pay)
        .handler(pay::GiveUp)
        .handler(update::Update)
        .handler(add::Add)
        .handler(track::Track::new())
        .handler(cancel::Cancel)
        .handler(change_address::ChangeAddress)
        .handler(refund::Refund)
        .handler(collect::Collect)
        .gauge(by_state("despatch.orders", "", store::UNDER_WAY))
        .gauge(by_state("despatch.order_oldest_age", "s", store::STOOD_STILL))
}

/// Creates a gauge with a value for each state of open orders.
fn by_state(name: &'static str, unit: &'static str, sql: &'static str) -> SqlGauge {
    let under_way = OrderState::ALL.iter().copied().filter(|state| *state < OrderState::Completed);
    SqlGauge { name, unit, label: Some(("state", under_way.map(OrderState::name).collect())), sql }
}
