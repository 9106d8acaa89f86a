//! The audit of a quiescent deployment: compares the orders with the workers' records and the providers' effects, order
//! by order.
//!
//! The demo and the chaos harness report by it. It requires that the workers share a database.

mod auditor;
mod checks;
mod dead_letters;
mod discrepancy;
mod expected;
mod progress;
mod record;
mod stock;
mod stock_requests;
mod totals;

pub use auditor::{Auditor, PlacedOrder};
pub use dead_letters::{BEFORE_CAPTURE, BEFORE_RESERVATION, died_at};
pub use discrepancy::Discrepancy;
pub use progress::Progress;
pub use totals::{Latency, Totals};
