//! What can be configured, and how long every handler of the worker keeps trying.

use std::time::Duration;

use despatch_runtime::Policy;
use serde::Deserialize;

use crate::stripe::{StripeConfig, UnusableClient};

/// Tries for about an hour: a provider's outage is not the order's fault.
pub(crate) const POLICY: Policy =
    Policy { attempts: 24, longest_retry: Duration::from_secs(300), ..Policy::DEFAULT };

/// The worker's part of the configuration file.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Who holds the money. An order authorised at another provider is refused: no customer can pay with `fake` where
    /// the shop takes cards.
    pub provider: ProviderName,
    /// How to reach Stripe, when it is the provider.
    pub stripe: StripeConfig,
}

impl Config {
    /// Everything that is wrong with it, each with its key under `[stripe]`.
    pub fn problems(&self) -> Vec<UnusableClient> {
        match self.provider {
            ProviderName::Stripe => self.stripe.problems(),
            ProviderName::Fake => Vec::new(),
        }
    }
}

/// The providers there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ProviderName {
    /// Stripe's PaymentIntents.
    Stripe,
    /// No provider at all: every request succeeds at once. For benchmarks.
    Fake,
}
