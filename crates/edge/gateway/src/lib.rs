//! HTTP in: orders, shop webhooks, carrier webhooks; labels and order status out.
//!
//! A request is read into an order (or a scan, an answer, a command), handed in at the desk (`desk`), committed there by
//! the clerk (`clerk`) together with whatever else lay ready, and only then answered. What is committed is on its way: the
//! runtime publishes it, after a crash too.

mod amount;
mod answer;
#[cfg(test)]
mod any_body;
mod attribute;
mod clerk;
mod config;
mod desk;
mod errors;
mod gateway;
mod json;
mod limits;
pub mod order_json;
mod placed_at;
mod placement;
mod records;
mod request;
mod routes;
mod secret;
mod served;
mod service_level;
pub mod shippo;
pub mod shopify;
mod signature;
mod store;
pub mod woocommerce;

use std::time::Duration;

use axum::serve::ListenerExt as _;
use despatch_contracts::notification::Unsubscribed;
use despatch_contracts::order::{OrderCancelRequested, OrderPlaced};
use despatch_contracts::review::ReviewReceived;
use despatch_contracts::shipment::{ShipmentDelivered, ShipmentDespatched, ShipmentFailed, ShipmentReturned};
use despatch_runtime::{Migration, Outbox, Worker};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

pub use config::{Config, ConfigError, Shop};
pub use json::Invalid;
pub use records::{Message, OrderRecord, Parcel, Payment, Records, Review, Step};
pub use secret::Secret;

use clerk::Clerk;
use desk::Desk;
use gateway::Gateway;
use routes::router;

/// The gateway's name, and its schema's.
pub const NAME: &str = "gateway";

const MIGRATIONS: &[Migration] = &[
    Migration { name: "0001_door", sql: include_str!("../migrations/0001_door.sql") },
    Migration { name: "0002_trace", sql: include_str!("../migrations/0002_trace.sql") },
];

/// Why the gateway could not serve.
#[derive(Debug, thiserror::Error)]
pub enum GatewayError {
    /// The configuration would not work, or would let anybody in.
    #[error("{}", list(.0))]
    Config(Vec<ConfigError>),
    /// The listener failed.
    #[error("the listener failed: {0}")]
    Listen(#[from] std::io::Error),
}

/// What the runtime has to run for the gateway: its schema, its open batches; it hears no event.
pub fn worker() -> Worker {
    Worker::new(NAME, MIGRATIONS)
        .emits::<(OrderPlaced, OrderCancelRequested, ReviewReceived, Unsubscribed)>()
        .emits::<(ShipmentDespatched, ShipmentDelivered, ShipmentFailed, ShipmentReturned)>()
        .reads(despatch_orders::NAME)
        .reads(despatch_payments::NAME)
        .reads(despatch_labels::NAME)
        .reads(despatch_notifications::NAME)
        .reads(despatch_reviews::NAME)
}

/// Serves until `shutdown`, then finishes the requests at hand and returns.
///
/// `intake` is that of a process which runs [`worker`].
pub async fn serve(
    config: Config,
    intake: Outbox,
    records: Records,
    listener: TcpListener,
    shutdown: CancellationToken,
) -> Result<(), GatewayError> {
    let problems = config.problems();
    if !problems.is_empty() {
        return Err(GatewayError::Config(problems));
    }
    let patience = Duration::from_millis(config.commit_wait_ms);
    let (desk, jobs) = Desk::new(config.batch, patience, config.retry_after_seconds);
    let gateway = Gateway::new(&config, desk, intake.database().clone(), records);
    let clerk = tokio::spawn(Clerk::new(intake, config.batch).work(jobs));
    // An answer is one small write: waiting to fill a packet would only delay it.
    let listener = listener.tap_io(|stream| {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "TCP_NODELAY");
        }
    });
    axum::serve(listener, router(gateway)).with_graceful_shutdown(shutdown.cancelled_owned()).await?;
    // The last desk went with the router, so the clerk finishes what lies there and ends.
    if let Err(error) = clerk.await {
        tracing::error!(%error, "the clerk ended badly");
    }
    Ok(())
}

fn list(problems: &[ConfigError]) -> String {
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}
