//! A shipment: one parcel between two addresses, and each service's price for it.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::address::{Address, Place};
use super::answer::{Answer, invalid};
use super::format::iso;
use super::metadata::check_metadata;
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

#[derive(Debug, Deserialize)]
struct Parcel {
    length: Number,
    width: Number,
    height: Number,
    weight: Number,
    distance_unit: String,
    mass_unit: String,
}

/// A number. Shippo writes numbers as strings and reads both.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Number {
    Text(String),
    Plain(f64),
}

impl Number {
    fn positive(&self) -> Option<f64> {
        let value = match self {
            Self::Text(text) => text.trim().parse().ok()?,
            Self::Plain(value) => *value,
        };
        (value > 0.0 && value < 1e6).then_some(value)
    }
}

/// A valid request.
#[derive(Debug)]
pub(super) struct Checked {
    pub(super) from: Place,
    pub(super) to: Place,
    pub(super) grams: u32,
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
        let grams = parcel.check().map_err(|message| invalid("parcels", message))?;
        check_metadata(&self.metadata)?;
        Ok(Checked { from, to, grams, metadata: self.metadata.into() })
    }
}

impl Parcel {
    /// Returns the weight in grams.
    fn check(&self) -> Result<u32, &'static str> {
        let sizes = [&self.length, &self.width, &self.height];
        if sizes.iter().any(|size| size.positive().is_none()) {
            return Err("length, width and height must be positive numbers.");
        }
        if !["cm", "in", "ft", "m", "mm", "yd"].contains(&self.distance_unit.as_str()) {
            return Err("distance_unit is not valid.");
        }
        let grams_per_unit = match self.mass_unit.as_str() {
            "g" => 1.0,
            "kg" => 1000.0,
            "oz" => 28.349_523,
            "lb" => 453.592_37,
            _ => return Err("mass_unit is not valid."),
        };
        let weight = self.weight.positive().ok_or("weight must be a positive number.")?;
        // At most a million units of a kilogram: within u32, and rounded up so that no parcel weighs nothing.
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "bounded and positive")]
        Ok((weight * grams_per_unit).ceil() as u32)
    }
}

/// A stored shipment. The last hexadecimal digit of its id is 0; its rates count up from 1.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Shipment {
    #[serde(with = "super::format::hex")]
    pub(super) id: u128,
    pub(super) from: Place,
    pub(super) to: Place,
    pub(super) grams: u32,
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
        let rates: Vec<Value> = SERVICES
            .iter()
            .enumerate()
            .map(|(position, service)| service.rate_json(self.rate(position), self.id, self.grams))
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
            "messages": [],
            "test": true,
        })
    }
}
