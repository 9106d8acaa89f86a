//! What the gateway and the commands read of the workers' tables: an order's record, its labels, whose parcel a scan
//! is about.
//!
//! Each module has the SQL for one worker's schema, and nothing else at the edge reads these tables. [`SCHEMAS`] is the
//! one list of what is read; the gateway's database role gets its rights from it. This crate depends on no worker:
//! what it knows of their tables is held by their own tests, which read through it.

pub mod labels;
pub mod messages;
mod order_record;
pub mod orders;
pub mod payments;
mod read_model;
pub mod reviews;
mod schemas;

pub use order_record::{OrderRecord, Parcel};
pub use read_model::ReadModel;
pub use schemas::SCHEMAS;
