//! The shop's own labels: 4×6 inches, for carriers without an interface and for shops without Shippo.
//!
//! One drawing (`layout`) becomes a PDF and a ZPL document, with addresses, service, parcel count and a barcode of the
//! tracking number. It decides letters, sizes, lines and cuts, so both documents say the same. No provider is asked.
//! The same parcel gives the same label, byte for byte.

mod address_block;
mod barcode;
mod helvetica;
mod latin;
mod layout;
mod lines;
mod pdf;
mod shipment;
pub mod tracking;
mod unprintable;
mod zpl;

pub use address_block::TooLong;
pub use barcode::NotEncodable;
pub use shipment::Shipment;
pub use unprintable::Unprintable;

/// The carrier of own labels, as events and tables name it.
pub const CARRIER: &str = "own";

/// A label in both printable forms.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnLabel {
    /// One page of 288×432 points.
    pub pdf: Vec<u8>,
    /// ZPL II at 203 dpi.
    pub zpl: String,
}

/// Prints the label.
pub fn render(shipment: &Shipment<'_>) -> Result<OwnLabel, Unprintable> {
    let items = layout::layout(shipment)?;
    Ok(OwnLabel { pdf: pdf::write(&items), zpl: zpl::write(&items) })
}

#[cfg(test)]
mod tests;
