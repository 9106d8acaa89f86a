//! Alerts for operators.

pub(crate) mod monitor;
pub(crate) mod store;
