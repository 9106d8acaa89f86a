//! The trade's rules without any I/O: money and its currencies, reason codes, signed links.

mod care;
mod currency;
pub mod link;
mod money;
mod reason;

pub use care::{Care, Priority, Queue};
pub use currency::{Currency, UnknownCurrency};
pub use money::{Money, MoneyError};
pub use reason::Reason;
