//! An order as a shop's webhook announces it.

use despatch_contracts::order::Order;

use crate::sources::shopify_money::Movement;

/// An order, and the shop's word on whether it stands.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Announced {
    pub(crate) order: Order,
    /// The shop cancelled it.
    pub(crate) is_cancelled: bool,
    /// The shop calls all of it done.
    pub(crate) is_done: bool,
    /// Money of its own that the shop gave back so far. Every webhook about the order repeats it.
    pub(crate) refunds: Vec<Movement>,
}
