//! Decisions about an order's way, as pure functions: [which locations send it](allocate_order),
//! [which units a changed order gives back](take_off) or [needs besides](top_up), and [which parcels are then made
//! again](repack). Of each parcel: [in which carton it goes](package), and [which carrier service takes it](CarrierRule).
//!
//! Nothing here reads a table, a clock or the network. The workers collect what a decision needs, and record what
//! was decided.

mod allocation;
mod carrier_rules;
mod order_allocation;
mod order_change;
mod packaging;
mod repacking;

pub use allocation::{Allocation, LineDemand, Shortage, StockLevel, allocate};
pub use carrier_rules::{Carrier, CarrierRule, Decision, Level, Rate};
pub use order_allocation::{OrderDemand, allocate_order};
pub use order_change::{take_off, top_up};
pub use packaging::{Carton, Cartons, Measures, NoCarton, Package, Sides, Units, package};
pub use repacking::{Packed, Repacking, renumber, repack};
