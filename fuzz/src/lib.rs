//! What the targets share: how much memory a reader may hold, and what has to be true of everything that is read.

mod memory;
mod orders;

pub use memory::bounded;
pub use orders::{check_order, check_refusal};
