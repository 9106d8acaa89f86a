//! The trade's rules without any I/O: money, reason codes, the order's state machine.

pub mod link;
mod reason;

pub use reason::Reason;
