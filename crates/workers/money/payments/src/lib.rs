//! The payments worker. It checks whose payment an order names before anything is reserved, and captures what is due once
//! the order's stock is, exactly and once. It approves and makes refunds, each under its own id, and voids authorisations
//! when orders requests it. It follows orders that change: the newest is what is captured, and what it does not cost any more
//! goes back. It follows what people do at the provider: refunds there, disputes, reviews. It uses one idempotency key,
//! through all retries, until it is proved that nothing happened under that key.

mod approval;
mod approve;
mod capture;
mod change;
mod check;
mod config;
mod dispute;
mod elsewhere;
mod error;
mod fail;
pub mod fake;
mod idempotent;
mod overdue;
mod owner;
pub mod provider;
mod reconcile;
mod refund;
mod report;
mod settle;
mod store;
pub mod stripe;
mod tenders;
mod void;

use std::sync::Arc;

use despatch_contracts::payment::RefundOverdue;
use despatch_runtime::{Migration, Worker};

pub use approve::Approve;
pub use capture::Capture;
pub use change::Change;
pub use check::Check;
pub use config::{Config, ProviderName};
pub use dispute::Dispute;
pub use error::PaymentError;
pub use fail::Fail;
pub use overdue::Overdue;
pub use reconcile::Reconcile;
pub use refund::Refund;
pub use report::Report;
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
    let mut worker = Worker::new(NAME, MIGRATIONS);
    let overdue = worker.timer::<RefundOverdue>();
    worker
        .queries(store::QUERIES)
        .prunes([store::changed::retention()])
        .effect_handler(Check::new(Arc::clone(&provider)))
        .effect_handler(Capture::new(Arc::clone(&provider)))
        .handler(Change)
        .handler(Approve)
        .effect_handler(Refund::new(Arc::clone(&provider), overdue))
        .handler(Report)
        .handler(Overdue)
        .effect_handler(Reconcile::new(Arc::clone(&provider)))
        .handler(Fail)
        .effect_handler(Dispute::new(Arc::clone(&provider)))
        .effect_handler(Void::new(provider))
}
