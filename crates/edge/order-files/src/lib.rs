//! Orders in files, and the client that places them at a gateway.

mod client;
mod file_order;
pub mod superstore;

pub use client::{GatewayClient, PlaceError, PlaceOutcome, Placed, send_until_answered};
pub use file_order::FileOrder;
