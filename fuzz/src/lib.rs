//! The targets' common parts: how much memory a reader may hold, and the rules for everything that is read.

mod memory;
mod orders;

pub use memory::bounded;
pub use orders::{check_order, check_refusal};
