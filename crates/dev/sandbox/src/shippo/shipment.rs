//! A shipment: one parcel between two addresses, and each service's price for it.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::address::{Address, Place};
use super::answer::{Answer, invalid};
use super::format::iso;
use super::metadata::check_metadata;
use super::parcel::{Parcel, Size};
use super::service::SERVICES;

/// `POST /shipments`.
#[derive(Debug, Deserialize)]
pub(super) struct Request {
    #[serde(default)]
    address_from: Option<Address>,
    #[serde(default)]
    address_to: Option<Address>,
    #[serde(default)]
    parcels: Vec<Parcel>,
    #[serde(default)]
    pub(super) metadata: String,
    #[serde(default, rename = "async")]
    asynchronous: bool,
}

/// A valid request.
#[derive(Debug)]
pub(super) struct Checked {
    pub(super) from: Place,
    pub(super) to: Place,
    pub(super) size: Size,
    pub(super) metadata: Box<str>,
}

impl Request {
    pub(super) fn check(self) -> Result<Checked, Answer> {
        let required = |field| invalid(field, "This field is required.");
        if self.asynchronous {
            return Err(invalid("async", "The sandbox answers with the rates at once: send async=false."));
        }
        let from = self.address_from.ok_or_else(|| required("address_from"))?.check("address_from")?;
        let to = self.address_to.ok_or_else(|| required("address_to"))?.check("address_to")?;
        let [parcel] = self.parcels.as_slice() else {
            return Err(invalid("parcels", "The sandbox takes one parcel to a shipment."));
        };
        let size = parcel.check().map_err(|message| invalid("parcels", message))?;
        check_metadata(&self.metadata)?;
        Ok(Checked { from, to, size, metadata: self.metadata.into() })
    }
}

/// A stored shipment. The last hexadecimal digit of its id is 0; its rates count up from 1.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Shipment {
    #[serde(with = "super::format::hex")]
    pub(super) id: u128,
    pub(super) from: Place,
    pub(super) to: Place,
    pub(super) size: Size,
    pub(super) metadata: Box<str>,
    /// Milliseconds since 1970.
    pub(super) created_ms: i64,
}

impl Shipment {
    /// Returns the id of the rate for the service at `position`.
    pub(super) fn rate(&self, position: usize) -> u128 {
        self.id + 1 + position as u128
    }

    /// Returns the shipment of a rate, and its service's position.
    pub(super) fn of_rate(rate: u128) -> Option<(u128, usize)> {
        let digit = usize::try_from(rate & 0xf).ok()?;
        let position = digit.checked_sub(1).filter(|position| *position < SERVICES.len())?;
        Some((rate & !0xf, position))
    }

    pub(super) fn json(&self) -> Value {
        let offers = SERVICES.iter().enumerate();
        let rates: Vec<Value> = offers
            .filter_map(|(position, service)| service.rate_json(self.rate(position), self.id, self.size))
            .collect();
        let messages: Vec<Value> = SERVICES
            .iter()
            .filter_map(|service| {
                let text = service.refusal(self.size)?;
                Some(json!({ "source": service.carrier, "code": "", "text": format!("{}: {text}", service.name) }))
            })
            .collect();
        let created = iso(self.created_ms);
        json!({
            "object_id": format!("{:032x}", self.id),
            "object_created": created,
            "object_updated": created,
            "status": "SUCCESS",
            "address_from": self.from.location(),
            "address_to": self.to.location(),
            "metadata": self.metadata,
            "rates": rates,
            "messages": messages,
            "test": true,
        })
    }
}
