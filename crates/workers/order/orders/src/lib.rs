//! The orders worker: it checks what was placed and accepts it, or makes it a case with all that is wrong. Then it
//! consumes every fact about the order, holds its state machine and its audit timeline, and reports when the order is
//! completed or came back. It cancels on request while no parcel has left, and asks for the money to go back.
//!
//! [`store`] has what an audit reads: the counts per state.

mod accept;
mod cancel;
mod email;
mod lifecycle;
mod order_fact;
pub mod store;
mod track;
mod validate;

use despatch_runtime::{Migration, SqlGauge, Worker};
use despatch_status::OrderState;

pub use validate::{Invalid, validate};

/// The worker's name, and its schema's.
pub const NAME: &str = "orders";

const MIGRATIONS: &[Migration] =
    &[Migration { name: "0001_orders", sql: include_str!("../migrations/0001_orders.sql") }];

/// Registers `orders.accept`, `orders.track` and `orders.cancel`. There is nothing to configure.
pub fn worker() -> Worker {
    Worker::new(NAME, MIGRATIONS)
        .queries(store::QUERIES)
        .handler(accept::Accept)
        .handler(track::Track::new())
        .handler(cancel::Cancel)
        .gauge(by_state("despatch.orders", "", store::UNDER_WAY))
        .gauge(by_state("despatch.order_oldest_age", "s", store::STOOD_STILL))
}

/// A gauge for each state of orders that are under way.
fn by_state(name: &'static str, unit: &'static str, sql: &'static str) -> SqlGauge {
    let under_way = OrderState::ALL.iter().copied().filter(|state| *state < OrderState::Completed);
    SqlGauge { name, unit, label: Some(("state", under_way.map(OrderState::name).collect())), sql }
}
