//! The labels worker: every picked parcel gets exactly one label.
//!
//! A table of rules says which carrier service takes it; the label is bought through Shippo or printed by us. It is kept
//! here with the reason for the choice, and `label.created` tells the others. Registers [`labels.create`](worker).

mod buy;
mod choose;
mod config;
mod create;
mod error;
pub mod house;
mod shippo;
pub mod store;

use despatch_runtime::{Migration, Worker};

pub use choose::{Carrier, Level, Rule};
pub use config::{Config, Parcel, Sender, SetupError, Shippo};

/// The worker's name and schema.
pub const NAME: &str = "labels";

const MIGRATIONS: &[Migration] =
    &[Migration { name: "0001_label", sql: include_str!("../migrations/0001_label.sql") }];

/// The worker with its one handler.
pub fn worker(config: &Config) -> Result<Worker, SetupError> {
    Ok(Worker::new(NAME, MIGRATIONS).effect_handler(create::Create::new(config)?))
}
