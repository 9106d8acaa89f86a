//! Payments: what checkout authorised is captured once the order's stock is reserved, to the cent and once. Captured
//! money goes back, and an authorisation is let go, when orders says so. Whatever is retried, the provider is asked
//! under one idempotency key until it is proved that nothing happened under it.

mod capture;
mod error;
pub mod instant;
mod once;
pub mod provider;
mod refund;
pub mod store;
pub mod stripe;
mod void;

use std::sync::Arc;

use despatch_runtime::{Migration, Worker};

pub use capture::Capture;
pub use error::PaymentError;
pub use refund::Refund;
pub use void::Void;

use instant::Instant;
use provider::Provider;
use stripe::{Stripe, StripeConfig, UnusableClient};

/// The worker's name, which is also its database schema.
pub const NAME: &str = "payments";

const MIGRATIONS: &[Migration] =
    &[Migration { name: "0001_payment", sql: include_str!("../migrations/0001_payment.sql") }];

/// What can be configured.
#[derive(Debug, Clone, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Who holds the money. An order authorised at another provider is refused: nobody can pay with `instant` where
    /// the shop takes cards.
    pub provider: ProviderName,
    /// How to reach Stripe, when it is the provider.
    pub stripe: StripeConfig,
}

/// The providers there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ProviderName {
    /// Stripe's PaymentIntents.
    Stripe,
    /// No provider at all: every request succeeds at once. For benchmarks.
    Instant,
}

/// The payments worker with all its handlers and the configured provider.
pub fn worker(config: &Config) -> Result<Worker, UnusableClient> {
    Ok(match config.provider {
        ProviderName::Stripe => worker_with(Stripe::new(&config.stripe)?),
        ProviderName::Instant => worker_with(Instant),
    })
}

/// The payments worker with all its handlers and any provider.
pub fn worker_with<P: Provider>(provider: P) -> Worker {
    let provider = Arc::new(provider);
    Worker::new(NAME, MIGRATIONS)
        .effect_handler(Capture::new(Arc::clone(&provider)))
        .effect_handler(Refund::new(Arc::clone(&provider)))
        .effect_handler(Void::new(provider))
}
