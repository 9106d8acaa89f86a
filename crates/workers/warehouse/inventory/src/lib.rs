//! The inventory worker. It reserves an accepted order's lines all or none, at the locations that make the fewest
//! parcels. A reservation that no payment confirms in time expires. A confirmed one is picked, parcel by parcel, and
//! ends when the carrier has it. A cancelled order's units become available again.
//!
//! An order that changes gives units back, or gets more of them, until its parcels leave. A picked parcel that differs is
//! voided, and picked again under another number.

mod add;
mod adjust;
mod arrive;
mod change;
mod check_delivery;
mod config;
mod confirm;
mod count;
mod cover;
mod deliveries;
mod end_delivery;
mod error;
mod expect;
mod expire;
mod expiry_timer;
mod newest_stock;
mod order_lines;
mod parcels;
mod position;
mod receive;
mod release;
mod repack;
mod request;
mod reserve;
mod restore;
mod row_result;
mod set_items;
mod set_location;
mod ship;
pub mod store;
mod transfer;
mod watch;

use std::time::Duration;

use cover::Limits;
use deliveries::Deliveries;
use despatch_contracts::stock::ReservationExpiryDue;
use despatch_runtime::{Migration, SqlGauge, Worker};
use watch::Watch;

pub use add::Add;
pub use adjust::Adjust;
pub use arrive::Arrive;
pub use change::{Change, FlagMissed};
pub use check_delivery::{CheckDelivery, FlagDiffering, FlagOverdue};
pub use config::Config;
pub use confirm::Confirm;
pub use count::Count;
pub use cover::{FlagLow, TellLow};
pub use end_delivery::{DeliveryEnd, EndDelivery};
pub use error::InventoryError;
pub use expect::Expect;
pub use expire::Expire;
pub use receive::Receive;
pub use release::Release;
pub use reserve::Reserve;
pub use restore::Restore;
pub use set_items::SetItems;
pub use set_location::SetLocation;
pub use ship::{Left, Ship};
pub use transfer::Transfer;
pub use watch::{CheckLedger, CloseDays, TellLevels};

/// The worker's name and schema.
pub const NAME: &str = "inventory";

/// The worker's table of the configuration, with the default of every key.
pub const DEFAULTS: &str = include_str!("../default.toml");

const MIGRATIONS: &[Migration] =
    &[Migration { name: "0001_inventory", sql: include_str!("../migrations/0001_inventory.sql") }];

/// Creates the worker with all its handlers.
pub fn worker(config: &Config) -> Worker {
    let mut worker = Worker::new(NAME, MIGRATIONS);
    let expiry = worker.timer::<ReservationExpiryDue>();
    let watch = Watch {
        levels: worker.timer(),
        closing: worker.timer(),
        check: worker.timer(),
        cover: worker.timer(),
    };
    let limits = Limits {
        default_days: i64::from(config.cover_days),
        window_days: i64::from(config.cover_window_days.max(1)),
    };
    let deliveries = Deliveries {
        timer: worker.timer(),
        grace: Duration::from_secs(u64::from(config.delivery_grace_hours) * 3600),
    };
    worker
        .queries(store::QUERIES)
        .prunes(store::retentions())
        .prunes([store::movement_retention()])
        .handler(Reserve::new(Duration::from_secs(config.reservation_seconds), expiry))
        .handler(Confirm)
        .handler(Expire { expiry })
        .handler(Release)
        .handler(Change)
        .handler(FlagMissed)
        .handler(Add)
        .handler(Ship)
        .handler(Receive { watch, deliveries })
        .handler(Expect { deliveries })
        .handler(EndDelivery { deliveries })
        .handler(CheckDelivery { deliveries })
        .handler(FlagDiffering)
        .handler(FlagOverdue)
        .handler(Adjust { second_person_above: config.second_person_above })
        .handler(Count)
        .handler(Restore)
        .handler(Transfer)
        .handler(Arrive)
        .handler(SetItems)
        .handler(SetLocation)
        .handler(TellLevels(watch))
        .handler(CloseDays(watch))
        .handler(CheckLedger(watch))
        .handler(TellLow { watch, limits })
        .handler(FlagLow { limits })
        .gauge(SqlGauge { name: "despatch.oversold_positions", unit: "", label: None, sql: store::OVERSOLD })
        .gauge(SqlGauge {
            name: "despatch.unbalanced_positions",
            unit: "",
            label: None,
            sql: store::UNBALANCED,
        })
}
