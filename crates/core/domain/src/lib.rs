//! The trade's rules without I/O: money and currencies, countries, carriers, reason codes, signed links, texts.

pub mod carrier;
pub mod country;
mod currency;
mod label_id;
pub mod link;
mod money;
mod reason;
pub mod similar;
pub mod text;
mod triage;

pub use currency::{Currency, UnknownCurrency};
pub use label_id::LabelId;
pub use money::{Money, MoneyError, amount};
pub use reason::Reason;
pub use triage::{Priority, ProviderKind, Queue, Triage};
