//! The one free field that Shippo keeps with a label, in which our clients name the order and the parcel.

use super::answer::{Answer, invalid};

/// Shippo's limit on metadata.
pub(super) fn check_metadata(metadata: &str) -> Result<(), Answer> {
    if metadata.chars().count() > 100 {
        return Err(invalid("metadata", "Ensure this field has no more than 100 characters."));
    }
    Ok(())
}

/// The order and the parcel that metadata names: `"<order>/<parcel>"`.
pub(super) fn order_of(metadata: &str) -> (&str, &str) {
    metadata.rsplit_once('/').unwrap_or((metadata, ""))
}
