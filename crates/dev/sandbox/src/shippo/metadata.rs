//! The only free field that Shippo stores with a label. Clients name the order and the parcel in it.

use super::answer::{Answer, invalid};

/// Checks Shippo's limit on metadata.
pub(super) fn check_metadata(metadata: &str) -> Result<(), Answer> {
    if metadata.chars().count() > 100 {
        return Err(invalid("metadata", "Ensure this field has no more than 100 characters."));
    }
    Ok(())
}

/// Returns the order and the parcel in metadata: `"<order>/<parcel>"`.
pub(super) fn order_of(metadata: &str) -> (&str, &str) {
    metadata.rsplit_once('/').unwrap_or((metadata, ""))
}
