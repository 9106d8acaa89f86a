//! Configuration: the sender of parcels, their weight, and the rules that choose a service.

use std::collections::BTreeMap;

use despatch_contracts::order::Address;
use despatch_domain::country::{self, UnknownCountry};
use despatch_routing::{Carrier, CarrierRule};
use serde::{Deserialize, Serialize};

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

/// The sender of parcels. A field that is left out is empty.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
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
    /// Postcode; empty where the country has none.
    pub postcode: String,
    /// ISO 3166-1 alpha-2, upper case.
    pub country: String,
    /// The phone number, which carriers require on some routes; may be empty.
    pub phone: String,
}

/// A defect of the configuration. Its message begins with the key and a colon.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// A sender lacks what no label can do without.
    #[error("{key}: expected the {what}, found nothing")]
    SenderIncomplete {
        /// E.g. `labels.locations.berlin.street1`.
        key: String,
        /// The text that belongs there.
        what: &'static str,
    },
    /// No country has this code.
    #[error("{key}: {unknown}")]
    CountryUnknown {
        /// E.g. `labels.rules[0].countries[1]`.
        key: String,
        /// The text there.
        unknown: UnknownCountry,
    },
    /// A rule names Shippo, which is not configured.
    #[error("labels.rules[{0}].carrier: shippo needs labels.shippo.base_url and labels.shippo.token")]
    ShippoMissing(usize),
    /// A rule for the shop's own labels does not name one service.
    #[error("labels.rules[{index}].services: expected the one service that own labels show, found {found}")]
    OwnServiceMissing {
        /// The rule.
        index: usize,
        /// How many services it names.
        found: usize,
    },
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
            Carrier::Own if rule.services.len() != 1 => {
                Some(SetupError::OwnServiceMissing { index, found: rule.services.len() })
            }
            Carrier::Shippo | Carrier::Own => None,
        });
        let countries = self.rules.iter().enumerate().flat_map(|(index, rule)| {
            let numbered = rule.countries.iter().enumerate();
            numbered.filter_map(move |(at, code)| {
                unknown_country(format!("labels.rules[{index}].countries[{at}]"), code)
            })
        });
        self.sender_problems().chain(rules).chain(countries).chain(shippo.map(SetupError::from)).collect()
    }

    fn sender_problems(&self) -> impl Iterator<Item = SetupError> {
        let locations = self.locations.iter().map(|(id, sender)| (format!("labels.locations.{id}"), sender));
        std::iter::once(("labels.sender".to_owned(), &self.sender))
            .chain(locations)
            .flat_map(|(key, sender)| sender.problems(&key))
    }
}

impl Sender {
    /// Everything that is wrong with the sender at this key.
    fn problems(&self, key: &str) -> Vec<SetupError> {
        let needed = [
            ("name", &self.name, "name"),
            ("street1", &self.street1, "street and number"),
            ("city", &self.city, "city"),
            ("country", &self.country, "country"),
        ];
        let missing = needed.into_iter().filter(|(_, value, _)| value.trim().is_empty());
        let missing = missing
            .map(|(field, _, what)| SetupError::SenderIncomplete { key: format!("{key}.{field}"), what });
        let country = if self.country.trim().is_empty() {
            None
        } else {
            unknown_country(format!("{key}.country"), &self.country)
        };
        missing.chain(country).collect()
    }
}

fn unknown_country(key: String, code: &str) -> Option<SetupError> {
    country::check(code).err().map(|unknown| SetupError::CountryUnknown { key, unknown })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(text: &str) -> Config {
        let shippo = r#"
            parcel = {length_cm = 1, width_cm = 1, height_cm = 1, packaging_grams = 1, unit_grams = 1}
            shippo = {base_url = "", token = "", timeout_seconds = 1, settle_seconds = 1}"#;
        toml::from_str(&format!("{shippo}\n{text}")).unwrap()
    }

    fn problems(text: &str) -> Vec<String> {
        config(text).problems().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn what_may_be_empty_may_be_left_out() {
        let text = r#"
            sender = {name = "North", street1 = "1 Main Street", city = "Leeds", country = "GB"}
            rules = [{carrier = "own", services = ["courier"]}, {carrier = "own", services = ["van"], service_levels = ["second-class"]}]
            [locations.berlin]
            name = "Nord"
            street1 = "Hauptstr. 1"
            city = "Berlin"
            country = "DE""#;
        assert_eq!(problems(text), [] as [&str; 0]);
    }

    #[test]
    fn everything_that_is_wrong_is_named_by_its_key() {
        let text = r#"
            sender = {name = "North", street1 = "1 Main Street", city = "Leeds", country = "USA"}
            rules = [{carrier = "own", countries = ["US", "UK"]}, {carrier = "shippo"}]
            [locations.berlin]
            name = "Nord"
            country = "DE""#;
        let expected = [
            r#"labels.sender.country: expected an ISO 3166-1 alpha-2 code, found "USA"; did you mean US?"#,
            "labels.locations.berlin.street1: expected the street and number, found nothing",
            "labels.locations.berlin.city: expected the city, found nothing",
            "labels.rules[0].services: expected the one service that own labels show, found 0",
            "labels.rules[1].carrier: shippo needs labels.shippo.base_url and labels.shippo.token",
            r#"labels.rules[0].countries[1]: expected an ISO 3166-1 alpha-2 code, found "UK"; did you mean GB?"#,
        ];
        assert_eq!(problems(text), expected);
    }

    #[test]
    fn a_service_level_that_is_none_is_refused() {
        for level in ["second_class", "express"] {
            let rule = format!("carrier = 'own'\nservice_levels = ['{level}']");
            let said = toml::from_str::<CarrierRule>(&rule).unwrap_err().to_string();
            assert!(said.contains(level) && said.contains("second-class"), "{said}");
        }
    }
}
