//! Configuration: the sender of parcels, the cartons, and the rules that choose a service.

use despatch_contracts::order::Address;
use despatch_domain::country::{self, UnknownCountry};
use despatch_routing::{Carrier, CarrierRule, Carton, Cartons};
use serde::{Deserialize, Serialize};

use crate::shippo::{Shippo, ShippoConfig, UnusableClient};

/// The worker's part of the configuration file.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The sender of parcels from locations without a complete address.
    pub sender: Sender,
    /// The usual carton.
    pub parcel: UsualCarton,
    /// Further cartons.
    pub cartons: Vec<Carton>,
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

/// The usual carton, and the weight of articles that have none.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UsualCarton {
    /// Centimetres.
    pub length_cm: u32,
    /// Centimetres.
    pub width_cm: u32,
    /// Centimetres.
    pub height_cm: u32,
    /// Grams of the carton and its padding.
    pub packaging_grams: u32,
    /// Grams of a unit whose article has no weight.
    pub unit_grams: u32,
}

/// A defect of the configuration. Its message begins with the key and a colon.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// A sender lacks what no label can do without.
    #[error("{key}: expected the {what}, found nothing")]
    SenderIncomplete {
        /// E.g. `labels.sender.street1`.
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
    /// A carton has a side of 0.
    #[error("{0}: expected at least 1, found 0")]
    SideMissing(String),
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
    /// Returns the sender of parcels from a location with this address. An address without a street, a city or a country sends
    /// nothing, and the configured one takes its place. A name and a phone number that it lacks are the configured ones.
    pub(crate) fn sender(&self, location: Option<Address>) -> Address {
        let complete =
            location.filter(|it| ![&it.street1, &it.city, &it.country].iter().any(|it| it.is_empty()));
        let Some(mut address) = complete else { return self.sender.address() };
        if address.name.is_empty() {
            address.name.clone_from(&self.sender.name);
        }
        if address.phone.is_empty() {
            address.phone.clone_from(&self.sender.phone);
        }
        address
    }

    /// Returns the cartons that parcels may go in.
    pub(crate) fn cartons(&self) -> Cartons<'_> {
        Cartons { usual: self.parcel.carton(), others: &self.cartons, unit_grams: self.parcel.unit_grams }
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
        self.sender
            .problems()
            .into_iter()
            .chain(self.carton_problems())
            .chain(rules)
            .chain(countries)
            .chain(shippo.map(SetupError::from))
            .collect()
    }

    fn carton_problems(&self) -> impl Iterator<Item = SetupError> {
        let others = self.cartons.iter().enumerate();
        let others = others.map(|(index, carton)| (format!("labels.cartons[{index}]"), *carton));
        std::iter::once(("labels.parcel".to_owned(), self.parcel.carton())).chain(others).flat_map(
            |(key, Carton { length_cm, width_cm, height_cm, .. })| {
                let sides = [("length_cm", length_cm), ("width_cm", width_cm), ("height_cm", height_cm)];
                let missing = sides.into_iter().filter(|(_, side)| *side == 0);
                missing.map(|(side, _)| SetupError::SideMissing(format!("{key}.{side}"))).collect::<Vec<_>>()
            },
        )
    }
}

impl UsualCarton {
    fn carton(self) -> Carton {
        let UsualCarton { length_cm, width_cm, height_cm, packaging_grams, .. } = self;
        Carton { length_cm, width_cm, height_cm, packaging_grams }
    }
}

impl Sender {
    fn address(&self) -> Address {
        Address {
            name: self.name.clone(),
            company: String::new(),
            street1: self.street1.clone(),
            street2: self.street2.clone(),
            city: self.city.clone(),
            region: self.region.clone(),
            postcode: self.postcode.clone(),
            country: self.country.clone(),
            phone: self.phone.clone(),
        }
    }

    /// Everything that is wrong with the sender.
    fn problems(&self) -> Vec<SetupError> {
        let needed = [
            ("name", &self.name, "name"),
            ("street1", &self.street1, "street and number"),
            ("city", &self.city, "city"),
            ("country", &self.country, "country"),
        ];
        let missing = needed.into_iter().filter(|(_, value, _)| value.trim().is_empty());
        let missing = missing.map(|(field, _, what)| SetupError::SenderIncomplete {
            key: format!("labels.sender.{field}"),
            what,
        });
        let country = if self.country.trim().is_empty() {
            None
        } else {
            unknown_country("labels.sender.country".to_owned(), &self.country)
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
            cartons = []"#;
        assert_eq!(problems(text), [] as [&str; 0]);
    }

    #[test]
    fn everything_that_is_wrong_is_named_by_its_key() {
        let text = r#"
            sender = {name = "North", street1 = "1 Main Street", city = "Leeds", country = "USA"}
            rules = [{carrier = "own", countries = ["US", "UK"]}, {carrier = "shippo"}]
            cartons = [
                {length_cm = 9, width_cm = 9, height_cm = 1, packaging_grams = 0},
                {length_cm = 0, width_cm = 9, height_cm = 0, packaging_grams = 9},
            ]"#;
        let expected = [
            r#"labels.sender.country: expected an ISO 3166-1 alpha-2 code, found "USA"; did you mean US?"#,
            "labels.cartons[1].length_cm: expected at least 1, found 0",
            "labels.cartons[1].height_cm: expected at least 1, found 0",
            "labels.rules[0].services: expected the one service that own labels show, found 0",
            "labels.rules[1].carrier: shippo needs labels.shippo.base_url and labels.shippo.token",
            r#"labels.rules[0].countries[1]: expected an ISO 3166-1 alpha-2 code, found "UK"; did you mean GB?"#,
        ];
        assert_eq!(problems(text), expected);
    }

    #[test]
    fn parcels_come_from_their_location_if_its_address_is_complete() {
        let config = config(
            r#"
            sender = {name = "North", street1 = "1 Main Street", city = "Leeds", country = "GB", phone = "1"}
            rules = []
            cartons = []"#,
        );
        let quay = Address {
            street1: "Kai 1".into(),
            city: "Hamburg".into(),
            country: "DE".into(),
            ..Address::default()
        };
        let from = config.sender(Some(quay.clone()));
        assert_eq!(from, Address { name: "North".into(), phone: "1".into(), ..quay.clone() });
        let own = Address { company: "Nord GmbH".into(), phone: "2".into(), ..quay.clone() };
        assert_eq!(config.sender(Some(own.clone())), Address { name: "North".into(), ..own });
        let streetless = Address { street1: String::new(), ..quay };
        for fallen_back in [config.sender(None), config.sender(Some(streetless))] {
            assert_eq!((fallen_back.name.as_str(), fallen_back.street1.as_str()), ("North", "1 Main Street"));
        }
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
