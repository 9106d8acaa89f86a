//! Decisions about an order's way, as pure functions: [which locations send it](allocate_order), and
//! [which carrier service takes a parcel](CarrierRule).
//!
//! Nothing here reads a table, a clock or the network. The workers collect what a decision needs, and record what
//! was decided.

mod allocation;
mod carrier_rules;
mod order_allocation;

pub use allocation::{Allocation, LineDemand, Shortage, StockLevel, allocate};
pub use carrier_rules::{Carrier, CarrierRule, Decision, Level, Rate};
pub use order_allocation::{OrderDemand, allocate_order};
