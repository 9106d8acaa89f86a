//! The providers' faults: which fault hits which operation, and how often.
//!
//! A fault is a pure function of (seed, operation, entity, attempt). So a run that makes the same requests meets the
//! same faults, in whatever order they arrive.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::digest;
use crate::error::SandboxError;
use crate::operation::Operation;

/// One kind of fault. An operation ignores a fault that means nothing to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// A refusal of the business: the card is declined, the carrier refuses the parcel, the mail is refused permanently
    /// (554).
    Decline,
    /// 429, before the request is read. Mail is refused with 421 and the connection closed.
    RateLimited,
    /// 500 in place of the effect; Stripe stores it under the idempotency key. Mail is refused with 451.
    ServerError,
    /// The answer comes late, by [`Faults::slow_ms`].
    Slow,
    /// The effect takes place and its answer is withheld: the connection ends without one.
    Timeout,
    /// 401, before the request is read, as if the key had been replaced. Mail is refused with 530.
    Refused,
    /// 503, before the request is read, as if the provider were out of service. Mail is refused with 421 and the
    /// connection closed.
    Outage,
    /// Each webhook is sent twice.
    Duplicate,
    /// The delivery is reported before the first scan.
    OutOfOrder,
}

/// The probability of each fault, 0 to 1; together at most 1, since one request meets at most one fault.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rates {
    /// Of [`Fault::Decline`].
    pub decline: f64,
    /// Of [`Fault::RateLimited`].
    pub rate_limited: f64,
    /// Of [`Fault::ServerError`].
    pub server_error: f64,
    /// Of [`Fault::Slow`].
    pub slow: f64,
    /// Of [`Fault::Timeout`].
    pub timeout: f64,
    /// Of [`Fault::Refused`].
    pub refused: f64,
    /// Of [`Fault::Outage`].
    pub outage: f64,
    /// Of [`Fault::Duplicate`].
    pub duplicate: f64,
    /// Of [`Fault::OutOfOrder`].
    pub out_of_order: f64,
}

impl Rates {
    fn each(&self) -> [(Fault, f64); 9] {
        [
            (Fault::Decline, self.decline),
            (Fault::RateLimited, self.rate_limited),
            (Fault::ServerError, self.server_error),
            (Fault::Slow, self.slow),
            (Fault::Timeout, self.timeout),
            (Fault::Refused, self.refused),
            (Fault::Outage, self.outage),
            (Fault::Duplicate, self.duplicate),
            (Fault::OutOfOrder, self.out_of_order),
        ]
    }
}

/// The faults of all providers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Faults {
    /// The seed of the run.
    pub seed: u64,
    /// The probabilities by operation; an operation without an entry behaves.
    pub rates: BTreeMap<Operation, Rates>,
    /// How late a slow answer is, in milliseconds.
    pub slow_ms: u64,
    /// How long the client is kept waiting, in milliseconds, before a withheld answer's connection ends.
    pub withhold_ms: u64,
}

impl Default for Faults {
    fn default() -> Self {
        Self::none()
    }
}

impl Faults {
    /// Returns no faults.
    pub fn none() -> Self {
        Self { seed: 0, rates: BTreeMap::new(), slow_ms: 300, withhold_ms: 0 }
    }

    /// Returns a mild mix: about 2 % of each fault that an operation can have, 1 % of declines.
    ///
    /// Authorising has no faults, because no worker repeats the shop's checkout.
    pub fn seeded(seed: u64) -> Self {
        let flaky =
            Rates { rate_limited: 0.02, server_error: 0.02, slow: 0.02, timeout: 0.02, ..Rates::default() };
        let declining = Rates { decline: 0.01, ..flaky };
        let scans = Rates { duplicate: 0.02, out_of_order: 0.02, ..Rates::default() };
        let rates = BTreeMap::from([
            (Operation::Capture, declining),
            (Operation::Cancel, flaky),
            (Operation::Refund, flaky),
            (Operation::FindPayment, flaky),
            (Operation::Shipment, flaky),
            (Operation::Label, declining),
            (Operation::VoidLabel, flaky),
            (Operation::FindLabel, flaky),
            (Operation::Scan, scans),
            (Operation::Mail, flaky),
        ]);
        Self { seed, rates, ..Self::none() }
    }

    /// Returns the fault, if any, that hits the `attempt`th (from 0) request for `operation` on `entity`.
    pub fn draw(&self, operation: Operation, entity: &str, attempt: u32) -> Option<Fault> {
        let rates = self.rates.get(&operation)?;
        let draw = digest::unit(&[
            &self.seed.to_le_bytes(),
            &[operation as u8],
            entity.as_bytes(),
            &attempt.to_le_bytes(),
        ]);
        let mut threshold = 0.0;
        rates.each().into_iter().find_map(|(fault, rate)| {
            threshold += rate;
            (draw < threshold).then_some(fault)
        })
    }

    /// Returns how late a slow answer is.
    pub(crate) fn slow(&self) -> Duration {
        Duration::from_millis(self.slow_ms)
    }

    /// Returns how long a withheld answer keeps its client waiting.
    pub(crate) fn withhold(&self) -> Duration {
        Duration::from_millis(self.withhold_ms)
    }

    /// Returns whether every rate is a probability and those of each operation add up to at most 1.
    pub(crate) fn check(&self) -> Result<(), SandboxError> {
        for (&operation, rates) in &self.rates {
            let all = rates.each();
            let sound = all.iter().all(|(_, rate)| (0.0..=1.0).contains(rate));
            let sum: f64 = all.iter().map(|(_, rate)| rate).sum();
            if !sound || sum > 1.0 {
                return Err(SandboxError::Rates { operation });
            }
        }
        Ok(())
    }
}

/// A fault for the next requests about one order, or for the next requests of all, whatever the rates say.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Target {
    /// The operation it hits.
    pub operation: Operation,
    /// The order it hits; empty, the default: whichever order's request comes next.
    #[serde(default)]
    pub order: String,
    /// The fault.
    pub fault: Fault,
    /// How many requests it hits; one by default.
    #[serde(default = "once")]
    pub times: u32,
}

fn once() -> u32 {
    1
}

impl Target {
    /// Whether it hits a request for `operation` about `order`.
    pub(crate) fn hits(&self, operation: Operation, order: &str) -> bool {
        self.operation == operation && (self.order.is_empty() || self.order == order)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(seed: u64) -> Vec<Option<Fault>> {
        let faults = Faults::seeded(seed);
        (0..2000).map(|n| faults.draw(Operation::Capture, &format!("order-{n}"), 0)).collect()
    }

    #[test]
    fn the_same_seed_repeats_and_another_differs() {
        assert_eq!(run(7), run(7));
        assert_ne!(run(7), run(8));
    }

    #[test]
    fn each_fault_comes_about_as_often_as_its_rate_says() {
        let drawn = run(7);
        for (fault, rate) in Faults::seeded(7).rates[&Operation::Capture].each() {
            let found = drawn.iter().filter(|draw| **draw == Some(fault)).count();
            let (low, high) = if rate == 0.0 {
                (0, 0)
            } else if rate < 0.015 {
                (8, 35)
            } else {
                (22, 60)
            };
            assert!((low..=high).contains(&found), "{fault:?}: {found} of 2000");
        }
    }

    #[test]
    fn the_attempt_and_the_operation_matter() {
        let faults = Faults::seeded(7);
        let by_attempt: Vec<_> = (0..500).map(|n| faults.draw(Operation::Capture, "order", n)).collect();
        let by_refund: Vec<_> = (0..500).map(|n| faults.draw(Operation::Refund, "order", n)).collect();
        assert!(by_attempt.iter().any(Option::is_some) && by_attempt.iter().any(Option::is_none));
        assert_ne!(by_attempt, by_refund);
    }

    #[test]
    fn rates_must_be_probabilities() {
        let with = |rates| Faults { rates: BTreeMap::from([(Operation::Mail, rates)]), ..Faults::none() };
        assert!(with(Rates { slow: 1.0, ..Rates::default() }).check().is_ok());
        assert!(with(Rates { slow: -0.1, ..Rates::default() }).check().is_err());
        assert!(with(Rates { slow: 0.6, timeout: 0.6, ..Rates::default() }).check().is_err());
        assert!(with(Rates { slow: f64::NAN, ..Rates::default() }).check().is_err());
    }

    #[test]
    fn read_from_json_with_defaults() {
        let faults: Faults =
            serde_json::from_str(r#"{"seed":3,"rates":{"capture":{"timeout":0.5}}}"#).unwrap();
        assert_eq!(faults.seed, 3);
        assert!((faults.rates[&Operation::Capture].timeout - 0.5).abs() < f64::EPSILON);
        assert_eq!(faults.slow_ms, Faults::none().slow_ms);
        assert!(serde_json::from_str::<Faults>(r#"{"ratse":{}}"#).is_err());
    }
}
