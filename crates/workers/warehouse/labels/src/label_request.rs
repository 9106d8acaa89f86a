//! Requests for labels: a picked parcel of an order.

use despatch_contracts::order::{Address, Order, ServiceLevel};
use despatch_contracts::stock::Parcel;
use despatch_routing::Level;

/// A parcel that needs a label.
pub(crate) struct LabelRequest {
    pub(crate) order: Order,
    pub(crate) parcel: Parcel,
    /// The order's address.
    pub(crate) to: Address,
    /// Whether the order is cancelled, or the units are in another parcel. Then it gets no label, unless an earlier try
    /// bought it.
    pub(crate) is_not_sent: bool,
}

impl LabelRequest {
    /// Returns the parcel's reference at the carrier: `<order id>/<parcel>`.
    pub(crate) fn reference(&self) -> String {
        format!("{}/{}", self.order.order_id, self.parcel.number)
    }

    /// Returns the order's service level; standard if the order names none.
    pub(crate) fn level(&self) -> Level {
        match self.order.service_level() {
            ServiceLevel::Unspecified | ServiceLevel::Standard => Level::Standard,
            ServiceLevel::SecondClass => Level::SecondClass,
            ServiceLevel::FirstClass => Level::FirstClass,
            ServiceLevel::SameDay => Level::SameDay,
        }
    }
}
