//! The labels worker: every picked parcel gets exactly one label.
//!
//! A table of rules chooses the carrier service. The label is bought through Shippo or printed by this worker. The
//! worker stores it with the reason for the choice, and reports it as `label.created`. Its parcel's weight, sides and sender follow
//! from the articles and locations that inventory describes.
//! Labels of cancelled orders, and of parcels that are voided because their order changed, are voided at the carrier.

mod buy;
mod cancel;
mod config;
mod create;
mod error;
mod label_request;
mod learn;
pub mod own_labels;
mod shippo;
mod store;
mod void;

use despatch_contracts::label::LabelVoidDue;
use despatch_runtime::{Migration, Worker};

pub use config::{Config, Sender, SetupError, UsualCarton};
use shippo::Shippo;
pub use shippo::{ShippoConfig, UnusableClient};

/// The worker's name and schema.
pub const NAME: &str = "labels";

const MIGRATIONS: &[Migration] =
    &[Migration { name: "0001_labels", sql: include_str!("../migrations/0001_labels.sql") }];

/// Creates the worker with its handlers.
pub fn worker(config: &Config) -> Result<Worker, SetupError> {
    let mut worker = Worker::new(NAME, MIGRATIONS);
    let void_due = worker.timer::<LabelVoidDue>();
    let worker = worker
        .queries(store::QUERIES)
        .prunes(store::retentions())
        .effect_handler(create::Create::new(config)?)
        .handler(cancel::Cancel)
        .handler(learn::Learn)
        .effect_handler(void::Void::new(config, void_due)?);
    if config.shippo.is_complete() { Ok(worker.provider(Shippo::new(&config.shippo)?)) } else { Ok(worker) }
}
