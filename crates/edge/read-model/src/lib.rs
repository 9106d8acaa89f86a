//! The SQL by which the gateway and the commands read the workers' tables: an order's record, its labels, a scan's
//! parcel.
//!
//! Each module has the SQL for one worker's schema. Nothing else at the edge reads these tables. [`SCHEMAS`] is the
//! only list of the schemas read, and the gateway's database role gets its rights from it. This crate depends on no
//! worker. The workers' own tests read through it, so they fail if a table changes.

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
