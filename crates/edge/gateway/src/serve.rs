//! Serving: the listener, the router, and the task that commits.

use std::time::Duration;

use axum::serve::ListenerExt as _;
use despatch_runtime::Outbox;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::config::{Config, ConfigError};
use crate::http::router::router;
use crate::http::state::Gateway;
use crate::ingest::committer::Clerk;
use crate::ingest::queue::Desk;
use crate::read_model::Records;

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

/// Serves until `shutdown`, then finishes the requests at hand and returns.
///
/// `outbox` is that of a process which runs [`crate::worker`].
pub async fn serve(
    config: Config,
    outbox: Outbox,
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
    let gateway = Gateway::new(&config, desk, outbox.database().clone(), records);
    let clerk = tokio::spawn(Clerk::new(outbox, config.batch).work(jobs));
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
