//! An example: a worker that wraps the parcels of dear orders as gifts, in a crate of its own.
//!
//! `giftwrap.wrap` consumes an event of despatch and emits one that is defined here; `giftwrap.count` consumes that and counts
//! the paper. The program in `main.rs` runs this worker beside those of despatch.

mod config;
mod count;
mod error;
mod event;
mod store;
mod wrap;

pub use config::{Config, DEFAULTS};
use despatch_runtime::{Migration, Worker};
pub use event::GiftWrapped;

/// The worker's name, and its schema's.
pub const NAME: &str = "giftwrap";

const MIGRATIONS: &[Migration] =
    &[Migration { name: "0001_giftwrap", sql: include_str!("../migrations/0001_giftwrap.sql") }];

/// Registers `giftwrap.wrap` and `giftwrap.count`.
pub fn worker(config: &Config) -> Worker {
    Worker::new(NAME, MIGRATIONS)
        .handler(wrap::Wrap { at_least_minor: config.at_least_minor, paper: config.paper.clone() })
        .handler(count::Count)
}
