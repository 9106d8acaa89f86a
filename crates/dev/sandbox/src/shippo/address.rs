//! Addresses in Shippo's requests, and the part of them that the sandbox stores.

use serde::{Deserialize, Serialize};

use super::answer::{Answer, invalid};

/// An address in a request. Contact details are accepted and dropped.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Address {
    name: String,
    street1: String,
    city: String,
    state: String,
    zip: String,
    country: String,
}

impl Address {
    /// Refuses an address that no carrier could read. `field` is its name in the request.
    pub(super) fn check(self, field: &str) -> Result<Place, Answer> {
        let wanting = [
            ("name", self.name.trim().is_empty()),
            ("street1", self.street1.trim().is_empty()),
            ("city", self.city.trim().is_empty()),
            ("country", self.country.len() != 2),
            ("zip", self.country == "US" && self.zip.trim().is_empty()),
        ];
        if let Some((part, _)) = wanting.iter().find(|(_, wanting)| *wanting) {
            return Err(invalid(field, &format!("{part}: this field is required and must be valid.")));
        }
        let lines = [self.name.as_str(), &self.street1].join("\n");
        Ok(Place {
            lines: lines.into(),
            city: self.city.into(),
            state: self.state.into(),
            zip: self.zip.into(),
            country: self.country.into(),
        })
    }
}

/// The sender's or recipient's address of a parcel.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Place {
    /// Name and street, for the label.
    pub(super) lines: Box<str>,
    pub(super) city: Box<str>,
    pub(super) state: Box<str>,
    pub(super) zip: Box<str>,
    pub(super) country: Box<str>,
}

impl Place {
    /// Returns the place for tracking events, without anything that names a person.
    pub(super) fn location(&self) -> serde_json::Value {
        serde_json::json!({ "city": self.city, "state": self.state, "zip": self.zip, "country": self.country })
    }

    /// Returns whether the postcode is the one that no carrier delivers to. A purchase for it ends with status ERROR.
    pub(super) fn undeliverable(&self) -> bool {
        &*self.zip == "00000"
    }
}
