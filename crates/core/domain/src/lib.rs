//! The trade's rules without any I/O: money and its currencies, reason codes, signed links.

mod currency;
pub mod link;
mod money;
mod reason;
mod triage;

pub use currency::{Currency, UnknownCurrency};
pub use money::{Money, MoneyError};
pub use reason::Reason;
pub use triage::{Priority, Queue, Triage};
