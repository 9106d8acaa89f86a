//! What the worker can be told: where parcels come from, what they weigh, and which service carries them.

use std::collections::BTreeMap;

use despatch_contracts::order::Address;
use serde::Deserialize;

use crate::choose::{Carrier, Rule};
use crate::shippo::Shippo as Client;

/// The worker's part of the configuration file.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The sender printed on labels whose location has no entry in `locations`.
    pub sender: Sender,
    /// Senders by stock location.
    pub locations: BTreeMap<String, Sender>,
    /// What a parcel measures and weighs.
    pub parcel: Parcel,
    /// RetryFilter service carries a parcel: of the rules that match, the first that has one.
    pub rules: Vec<Rule>,
    /// The carriers' interface.
    pub shippo: Shippo,
}

/// Who sends parcels.
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
    /// Carriers ask for it on some routes; may be empty.
    pub phone: String,
}

/// The usual parcel. Sizes are those of the carton, not of what is in it.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Parcel {
    /// Centimetres.
    pub length_cm: u32,
    /// Centimetres.
    pub width_cm: u32,
    /// Centimetres.
    pub height_cm: u32,
    /// Grams of the carton and its padding.
    pub packaging_grams: u32,
    /// Grams that every unit of an order adds.
    pub unit_grams: u32,
}

/// How to reach Shippo.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Shippo {
    /// Without a trailing slash, e.g. `https://api.goshippo.com`. Empty: no rule may name Shippo.
    pub base_url: String,
    /// The API token, without the word `ShippoToken`.
    pub token: String,
    /// The longest wait for an answer.
    pub timeout_seconds: u64,
    /// How long a request whose answer was lost may still take effect. A second try waits this long before it looks for
    /// the label that the first may have bought.
    pub settle_seconds: u64,
}

/// What is wrong with a configuration.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// A rule asks for Shippo, which is not configured.
    #[error(
        "labels.rules[{0}].carrier is shippo, but labels.shippo.base_url or labels.shippo.token is empty"
    )]
    ShippoMissing(usize),
    /// A rule prints house labels of a service that it does not name.
    #[error("labels.rules[{0}].services must name the one service that its house labels show")]
    HouseServiceMissing(usize),
    /// Not a URL.
    #[error("labels.shippo.base_url: {0}")]
    BaseUrl(String),
    /// Cannot be sent in a header. It is a secret, so it is not repeated.
    #[error("labels.shippo.token has letters that no token has")]
    Token,
    /// The HTTP client could not be made.
    #[error("labels.shippo: {0}")]
    Client(#[from] reqwest::Error),
}

impl Config {
    /// Where parcels of a stock location come from.
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

    /// Everything that is wrong with it, each with its key.
    pub fn problems(&self) -> Vec<SetupError> {
        let shippo = self.shippo.is_configured().then(|| Client::new(&self.shippo).err()).flatten();
        let rules = self.rules.iter().enumerate().filter_map(|(index, rule)| match rule.carrier {
            Carrier::Shippo if !self.shippo.is_configured() => Some(SetupError::ShippoMissing(index)),
            Carrier::House if rule.services.len() != 1 => Some(SetupError::HouseServiceMissing(index)),
            Carrier::Shippo | Carrier::House => None,
        });
        rules.chain(shippo).collect()
    }
}

impl Parcel {
    /// What a parcel of so many units weighs, at least a gram.
    pub(crate) fn grams(&self, units: i64) -> u64 {
        let units = u64::try_from(units).unwrap_or(0);
        u64::from(self.packaging_grams)
            .saturating_add(units.saturating_mul(u64::from(self.unit_grams)))
            .max(1)
    }
}

impl Shippo {
    pub(crate) fn is_configured(&self) -> bool {
        !self.base_url.is_empty() && !self.token.is_empty()
    }
}

/// Without the token.
impl std::fmt::Debug for Shippo {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shippo").field("base_url", &self.base_url).finish_non_exhaustive()
    }
}
