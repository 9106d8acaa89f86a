//! The payments worker: captures the authorised payment once the order's stock is reserved, exactly and once. It
//! refunds captured money and voids authorisations when orders requests it. It uses one idempotency key, through all
//! retries, until it is proved that nothing happened under that key.

mod capture;
mod config;
mod error;
pub mod fake;
mod idempotent;
mod owner;
pub mod provider;
mod refund;
mod store;
pub mod stripe;
mod void;

use std::sync::Arc;

use despatch_runtime::{Migration, Worker};

pub use capture::Capture;
pub use config::{Config, ProviderName};
pub use error::PaymentError;
pub use refund::Refund;
pub use void::Void;

use fake::Fake;
use provider::Provider;
use stripe::{Stripe, UnusableClient};

/// The worker's name and schema.
pub const NAME: &str = "payments";

const MIGRATIONS: &[Migration] =
    &[Migration { name: "0001_payments", sql: include_str!("../migrations/0001_payments.sql") }];

/// Creates the worker with all its handlers and the configured provider.
pub fn worker(config: &Config) -> Result<Worker, UnusableClient> {
    Ok(match config.provider {
        ProviderName::Stripe => {
            let stripe = Stripe::new(&config.stripe)?;
            worker_with(stripe.clone()).provider(stripe)
        }
        ProviderName::Fake => worker_with(Fake),
    })
}

/// Creates the worker with all its handlers and any provider.
pub fn worker_with<P: Provider>(provider: P) -> Worker {
    let provider = Arc::new(provider);
    Worker::new(NAME, MIGRATIONS)
        .queries(store::QUERIES)
        .effect_handler(Capture::new(Arc::clone(&provider)))
        .effect_handler(Refund::new(Arc::clone(&provider)))
        .effect_handler(Void::new(provider))
}
