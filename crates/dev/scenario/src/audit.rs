//! The audit of a deployment that has come to rest: what was ordered against what the workers recorded and what the
//! providers saw, order by order.
//!
//! The demo reports by it, and the chaos harness judges by it what it broke. It takes the workers to share a database.

mod auditor;
mod checks;
mod dead_letters;
mod discrepancy;
mod progress;
mod record;
mod stock;
mod totals;

pub use auditor::{Auditor, PlacedOrder};
pub use dead_letters::{BEFORE_CAPTURE, BEFORE_RESERVATION, died_at};
pub use discrepancy::Discrepancy;
pub use progress::Progress;
pub use totals::{Latency, Totals};
