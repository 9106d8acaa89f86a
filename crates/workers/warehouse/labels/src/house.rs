//! House labels: our own 4×6 inch parcel label, for carriers without an interface and for shops without Shippo.
//!
//! One drawing (`layout`) becomes a PDF and a ZPL document, with addresses, service, parcel count and a barcode of the
//! tracking number. Nothing is asked outside, and the same parcel gives the same label, byte for byte.

mod code128;
mod helvetica;
mod latin;
mod layout;
mod pdf;
pub mod tracking;
mod zpl;

use despatch_contracts::order::Address;

pub use code128::NotEncodable;

/// The carrier's name on house labels.
pub const CARRIER: &str = "house";

/// What a label says.
#[derive(Debug, Clone, Copy)]
pub struct Shipment<'a> {
    /// The sender.
    pub from: &'a Address,
    /// The recipient.
    pub to: &'a Address,
    /// How fast the parcel is to travel, as the rule that chose the label names it.
    pub service: &'a str,
    /// From [`tracking::number`].
    pub tracking_number: &'a str,
    /// The shop's own order id.
    pub order_reference: &'a str,
    /// 1-based within the order.
    pub parcel: u32,
    /// How many parcels the order has.
    pub parcels: u32,
}

/// A label in the two forms in which it can be printed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HouseLabel {
    /// One page of 288×432 points.
    pub pdf: Vec<u8>,
    /// ZPL II at 203 dpi.
    pub zpl: String,
}

/// Prints the label.
pub fn render(shipment: &Shipment<'_>) -> Result<HouseLabel, NotEncodable> {
    let items = layout::layout(shipment)?;
    Ok(HouseLabel { pdf: pdf::write(&items), zpl: zpl::write(&items) })
}

#[cfg(test)]
mod tests;
