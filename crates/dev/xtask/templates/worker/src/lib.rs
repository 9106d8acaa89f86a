//! The {{name}} worker: notes accepted orders, each once.

mod config;
mod error;
mod note;
mod store;

pub use config::{Config, DEFAULTS};
use despatch_runtime::{Migration, Worker};

/// The worker's name, and its schema's.
pub const NAME: &str = "{{name}}";

const MIGRATIONS: &[Migration] =
    &[Migration { name: "0001_{{name}}", sql: include_str!("../migrations/0001_{{name}}.sql") }];

/// Registers `{{name}}.note`.
pub fn worker(config: &Config) -> Worker {
    Worker::new(NAME, MIGRATIONS).handler(note::Note { at_least_minor: config.at_least_minor })
}
