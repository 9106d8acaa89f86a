//! An order as a shop's webhook announces it.

use despatch_contracts::order::Order;

/// An order, and the shop's word on whether it stands.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Announced {
    pub(crate) order: Order,
    /// The shop cancelled it.
    pub(crate) is_cancelled: bool,
    /// The shop calls all of it done.
    pub(crate) is_done: bool,
}
