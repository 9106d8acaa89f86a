//! The trade's rules without any I/O: money, reason codes, the order's state machine.

mod reason;

pub use reason::Reason;
