//! What a label says.

use despatch_contracts::order::Address;

/// What a label says.
#[derive(Debug, Clone, Copy)]
pub struct Shipment<'a> {
    /// The sender.
    pub from: &'a Address,
    /// The recipient.
    pub to: &'a Address,
    /// How fast the parcel is to travel, as the rule that chose the label names it.
    pub service: &'a str,
    /// From [`number`](super::tracking::number).
    pub tracking_number: &'a str,
    /// The shop's own order id.
    pub order_reference: &'a str,
    /// 1-based within the order.
    pub parcel: u32,
    /// How many parcels the order has.
    pub parcels: u32,
}
