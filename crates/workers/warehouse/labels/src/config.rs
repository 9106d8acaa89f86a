//! Configuration: the sender of parcels, their weight, and the rules that choose a service.

use std::collections::BTreeMap;

use despatch_contracts::order::Address;
use despatch_routing::{Carrier, CarrierRule};
use serde::Deserialize;

use crate::carton::Carton;
use crate::shippo::{Shippo, ShippoConfig, UnusableClient};

/// The worker's part of the configuration file.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The sender printed on labels whose location has no entry in `locations`.
    pub sender: Sender,
    /// Senders by stock location.
    pub locations: BTreeMap<String, Sender>,
    /// The size and weight of a parcel.
    pub parcel: Carton,
    /// The rules that choose a carrier service. The first matching rule that has a service decides.
    pub rules: Vec<CarrierRule>,
    /// The connection to Shippo.
    pub shippo: ShippoConfig,
}

/// The sender of parcels.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sender {
    /// A person or the shop.
    pub name: String,
    /// Street and number.
    pub street1: String,
    /// More of the street; may be empty.
    pub street2: String,
    /// City.
    pub city: String,
    /// State, province or county; empty where the country has none.
    pub region: String,
    /// Postcode.
    pub postcode: String,
    /// ISO 3166-1 alpha-2, upper case.
    pub country: String,
    /// The phone number, which carriers require on some routes; may be empty.
    pub phone: String,
}

/// A defect of the configuration.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// A rule names Shippo, which is not configured.
    #[error(
        "labels.rules[{0}].carrier is shippo, but labels.shippo.base_url or labels.shippo.token is empty"
    )]
    ShippoMissing(usize),
    /// A rule for the shop's own labels does not name one service.
    #[error("labels.rules[{0}].services: expected the one service that own labels show")]
    OwnServiceMissing(usize),
    /// The connection to Shippo is misconfigured.
    #[error("labels.shippo.{0}")]
    Shippo(#[from] UnusableClient),
}

impl Config {
    /// Returns the sender of parcels from a stock location.
    pub(crate) fn sender(&self, location: &str) -> Address {
        let sender = self.locations.get(location).unwrap_or(&self.sender);
        Address {
            name: sender.name.clone(),
            company: String::new(),
            street1: sender.street1.clone(),
            street2: sender.street2.clone(),
            city: sender.city.clone(),
            region: sender.region.clone(),
            postcode: sender.postcode.clone(),
            country: sender.country.clone(),
            phone: sender.phone.clone(),
        }
    }

    /// Lists all defects, each with its key.
    pub fn problems(&self) -> Vec<SetupError> {
        let shippo = self.shippo.is_complete().then(|| Shippo::new(&self.shippo).err()).flatten();
        let rules = self.rules.iter().enumerate().filter_map(|(index, rule)| match rule.carrier {
            Carrier::Shippo if !self.shippo.is_complete() => Some(SetupError::ShippoMissing(index)),
            Carrier::Own if rule.services.len() != 1 => Some(SetupError::OwnServiceMissing(index)),
            Carrier::Shippo | Carrier::Own => None,
        });
        rules.chain(shippo.map(SetupError::from)).collect()
    }
}
