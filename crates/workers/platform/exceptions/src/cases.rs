//! Cases: what failed for good, until it is resolved.

pub(crate) mod actions;
pub(crate) mod case;
pub(crate) mod close_cancelled;
pub(crate) mod open;
pub(crate) mod resolve;
pub mod store;
