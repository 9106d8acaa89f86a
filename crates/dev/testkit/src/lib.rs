//! What tests share: real servers, one pair for each test binary, and in them a database and a subject namespace of
//! its own for each test. Tests wait for what they expect, never for a time to pass.

mod bed;
mod sample;
mod servers;

pub use bed::{Bed, eventually};
pub use sample::{order, order_json};
pub use servers::Servers;
