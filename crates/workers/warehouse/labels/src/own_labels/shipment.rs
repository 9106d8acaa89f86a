//! The contents of a label.

use despatch_contracts::order::Address;

/// The contents of a label.
#[derive(Debug, Clone, Copy)]
pub struct Shipment<'a> {
    /// The sender.
    pub from: &'a Address,
    /// The recipient.
    pub to: &'a Address,
    /// The service, as named by the rule that chose the label.
    pub service: &'a str,
    /// The tracking number, from [`number`](super::tracking::number).
    pub tracking_number: &'a str,
    /// The order's number, as people know it.
    pub order_reference: &'a str,
    /// The parcel's place among those of the order, from 1.
    pub position: u32,
    /// The number of parcels of the order.
    pub parcels: u32,
}
