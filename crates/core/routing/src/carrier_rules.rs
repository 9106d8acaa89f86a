//! Decides which carrier service takes a parcel: by a table of rules, and by price among the services that a rule
//! allows.

use std::fmt;

use despatch_domain::{Money, Reason};
use serde::Deserialize;

/// One row of the table.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CarrierRule {
    /// The service levels that the rule is for; empty means all.
    #[serde(default)]
    pub service_levels: Vec<Level>,
    /// The countries of destination (ISO 3166-1 alpha-2) that the rule is for; empty means all.
    #[serde(default)]
    pub countries: Vec<String>,
    /// The maker of the label.
    pub carrier: Carrier,
    /// The allowed service tokens of carriers; empty means any service. For the shop's own labels, the one service that
    /// they show.
    #[serde(default)]
    pub services: Vec<String>,
    /// The longest delivery estimate in days; 0 means any.
    #[serde(default)]
    pub within_days: u32,
}

/// The service level that the customer paid for; in configuration as in the gateway's JSON, e.g. `second-class`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Level {
    /// The slowest.
    Standard,
    /// Faster than standard.
    SecondClass,
    /// Faster than second class.
    FirstClass,
    /// The fastest.
    SameDay,
}

/// The maker of a label.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Carrier {
    /// A carrier behind Shippo.
    Shippo,
    /// The shop's own courier, with a label of the shop.
    Own,
}

/// A carrier's offer to take a parcel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rate {
    /// The provider's id of the offer.
    pub id: String,
    /// The carrier's token, e.g. `usps`.
    pub carrier: String,
    /// The service's token, e.g. `usps_priority`.
    pub service: String,
    /// The price.
    pub cost: Money,
    /// Estimated days until delivery, if the carrier says.
    pub estimated_days: Option<u32>,
}

/// Why a service was chosen; stored with the label.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// The kind of decision.
    pub reason: Reason,
    /// The alternatives.
    pub detail: String,
}

impl CarrierRule {
    /// Returns whether the rule is for such a parcel.
    pub fn is_for(&self, level: Level, country: &str) -> bool {
        (self.service_levels.is_empty() || self.service_levels.contains(&level))
            && (self.countries.is_empty() || self.countries.iter().any(|known| known == country))
    }

    /// Returns the cheapest rate that the rule allows. Ignores rates in another currency than the first allowed one,
    /// because they cannot be compared.
    pub fn cheapest<'r>(&self, rates: &'r [Rate]) -> Option<(&'r Rate, Decision)> {
        let allowed: Vec<&Rate> = rates.iter().filter(|rate| self.allows(rate)).collect();
        let currency = allowed.first()?.cost.currency;
        let rate = allowed
            .iter()
            .filter(|rate| rate.cost.currency == currency)
            .min_by_key(|rate| (rate.cost.minor, rate.estimated_days))?;
        let detail = format!(
            "{} at {} is the cheapest of {} allowed out of {} offered",
            rate.service,
            rate.cost,
            allowed.len(),
            rates.len()
        );
        Some((rate, Decision { reason: Reason::ServiceCheapest, detail }))
    }

    fn allows(&self, rate: &Rate) -> bool {
        let in_time =
            self.within_days == 0 || rate.estimated_days.is_some_and(|days| days <= self.within_days);
        in_time && (self.services.is_empty() || self.services.contains(&rate.service))
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Level::Standard => "standard",
            Level::SecondClass => "second class",
            Level::FirstClass => "first class",
            Level::SameDay => "same day",
        })
    }
}

#[cfg(test)]
mod tests {
    use despatch_domain::Currency;
    use proptest::prelude::*;

    use super::*;

    fn rule(services: &[&str], within_days: u32) -> CarrierRule {
        let services = services.iter().map(|&service| service.to_owned()).collect();
        CarrierRule {
            service_levels: vec![],
            countries: vec![],
            carrier: Carrier::Shippo,
            services,
            within_days,
        }
    }

    fn rate(service: &str, amount: &str, currency: &str, days: Option<u32>) -> Rate {
        let currency = Currency::parse(currency).expect("a currency");
        Rate {
            id: format!("rate-{service}"),
            carrier: "usps".into(),
            service: service.into(),
            cost: Money::parse(amount, currency).expect("an amount"),
            estimated_days: days,
        }
    }

    #[test]
    fn the_cheapest_that_meets_the_rule_wins() {
        let rates = [
            rate("express", "31.00", "USD", Some(1)),
            rate("priority", "8.75", "USD", Some(3)),
            rate("ground", "5.20", "USD", Some(5)),
            rate("freight", "1.00", "USD", None),
        ];
        let chosen = |rule: CarrierRule| rule.cheapest(&rates).map(|(rate, _)| rate.service.clone());
        assert_eq!(chosen(rule(&[], 0)).as_deref(), Some("freight"));
        assert_eq!(chosen(rule(&[], 3)).as_deref(), Some("priority"));
        assert_eq!(chosen(rule(&["ground", "express"], 0)).as_deref(), Some("ground"));
        assert_eq!(chosen(rule(&["ground"], 2)), None);
    }

    #[test]
    fn amounts_of_two_currencies_are_not_compared() {
        let rates = [rate("ground", "5.20", "USD", Some(5)), rate("airmail", "500", "JPY", Some(5))];
        let (chosen, decision) = rule(&[], 0).cheapest(&rates).expect("a rate");
        assert_eq!(chosen.service, "ground");
        assert_eq!(decision.reason, Reason::ServiceCheapest);
    }

    #[test]
    fn rules_are_for_levels_and_countries() {
        let mut rule = rule(&[], 0);
        assert!(rule.is_for(Level::Standard, "JP"));
        rule.countries = vec!["US".into()];
        rule.service_levels = vec![Level::SameDay];
        assert!(rule.is_for(Level::SameDay, "US"));
        assert!(!rule.is_for(Level::SameDay, "JP"));
        assert!(!rule.is_for(Level::Standard, "US"));
    }

    fn any_rate() -> impl Strategy<Value = Rate> {
        let services = prop::sample::select(vec!["ground", "priority", "express"]);
        let currencies = prop::sample::select(vec!["USD", "JPY"]);
        (services, 0_u32..50, currencies, prop::option::of(1_u32..9))
            .prop_map(|(service, amount, currency, days)| rate(service, &amount.to_string(), currency, days))
    }

    proptest! {
        #[test]
        fn no_allowed_rate_of_the_same_currency_is_cheaper(
            rates in prop::collection::vec(any_rate(), 0..8),
            services in prop::sample::subsequence(vec!["ground", "priority", "express"], 0..=3),
            within_days in 0_u32..9,
        ) {
            let rule = rule(&services, within_days);
            let allowed: Vec<&Rate> = rates.iter().filter(|rate| rule.allows(rate)).collect();
            let Some((chosen, _)) = rule.cheapest(&rates) else {
                prop_assert!(allowed.is_empty());
                return Ok(());
            };
            prop_assert!(allowed.contains(&chosen));
            let mut rivals = allowed.iter().filter(|rate| rate.cost.currency == chosen.cost.currency);
            prop_assert!(rivals.all(|rate| chosen.cost.minor <= rate.cost.minor));
        }
    }
}
