//! Configuration, and the policy of all handlers of the worker.

use std::time::Duration;

use despatch_runtime::Policy;
use serde::Deserialize;

use crate::stripe::{StripeConfig, UnusableClient};

/// Tries for about an hour, because the provider may take long over an earlier request. A payment under review waits for a
/// day less than card authorisations last.
pub(crate) const POLICY: Policy = Policy {
    attempts: 24,
    longest_retry: Duration::from_secs(300),
    defer_deadline: Duration::from_secs(6 * 24 * 3600),
    ..Policy::DEFAULT
};

/// The worker's part of the configuration file.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The payment provider. An order that was authorised at another provider is refused, so that no customer can pay
    /// with `fake` where the shop accepts cards.
    pub provider: ProviderName,
    /// The connection to Stripe, if it is the provider.
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

/// The known providers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ProviderName {
    /// Stripe's PaymentIntents.
    Stripe,
    /// No provider: every request succeeds at once, for benchmarks.
    Fake,
}
