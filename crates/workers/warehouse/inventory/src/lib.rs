//! Inventory: an accepted order's lines are reserved all or nothing, at the locations that make the fewest parcels.
//! A reservation that no payment confirms in time lapses; a confirmed one is picked, parcel by parcel, and ends when
//! the carrier has it. A cancelled order's units go back to what can be sold.

mod allocate;
mod confirm;
mod error;
mod expire;
mod release;
mod reserve;
mod ship;
pub mod store;

use std::time::Duration;

use despatch_contracts::stock::{self, ReservationExpiryDue};
use despatch_runtime::{Migration, SqlGauge, Worker};

pub use allocate::{Allocation, Shortage};
pub use confirm::Confirm;
pub use error::InventoryError;
pub use expire::Expire;
pub use release::Release;
pub use reserve::Reserve;
pub use ship::Ship;

/// The worker's name, which is also its database schema.
pub const NAME: &str = "inventory";

const MIGRATIONS: &[Migration] =
    &[Migration { name: "0001_stock", sql: include_str!("../migrations/0001_stock.sql") }];

/// What can be configured.
#[derive(Debug, Clone, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// How many seconds units are held for an order whose payment has not been captured.
    pub reservation_seconds: u64,
}

/// The inventory worker with all its handlers.
pub fn worker(config: &Config) -> Worker {
    Worker::new(NAME, MIGRATIONS)
        .handler(Reserve::new(Duration::from_secs(config.reservation_seconds)))
        .handler(Confirm)
        .handler(Expire)
        .handler(Release)
        .handler(Ship)
        .emits::<ReservationExpiryDue>()
        .gauge(SqlGauge {
            name: "despatch.oversold_positions",
            unit: "",
            label: None,
            sql: "select count(*)::float8 from inventory.stock where available < 0",
        })
}

/// The key of the timer that ends an order's reservation.
fn expiry_timer(order_id: &str) -> String {
    format!("expire/{order_id}")
}

impl From<Allocation> for stock::Allocation {
    fn from(allocation: Allocation) -> Self {
        let Allocation { line, sku, location, quantity, parcel: _ } = allocation;
        stock::Allocation { location, sku, quantity, line }
    }
}
