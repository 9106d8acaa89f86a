//! Serves: the listener, the router, and the committer's task.

use std::time::Duration;

use axum::serve::ListenerExt as _;
use despatch_read_model::ReadModel;
use despatch_runtime::Outbox;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::config::{Config, ConfigError};
use crate::http::router::router;
use crate::http::state::Gateway;
use crate::http::storage::Storage;
use crate::ingest::committer::Committer;
use crate::ingest::queue::IngestQueue;

/// Why the gateway could not serve.
#[derive(Debug, thiserror::Error)]
pub enum GatewayError {
    /// The configuration cannot work, or would admit every sender.
    #[error("{}", list(.0))]
    Config(Vec<ConfigError>),
    /// The listener failed.
    #[error("the listener failed: {0}")]
    Listen(#[from] std::io::Error),
}

/// Serves until `shutdown`, then finishes the requests in progress and returns.
///
/// `outbox` is the one of a process that runs [`crate::worker`].
pub async fn serve(
    config: Config,
    outbox: Outbox,
    read_model: ReadModel,
    listener: TcpListener,
    shutdown: CancellationToken,
) -> Result<(), GatewayError> {
    let problems = config.problems();
    if !problems.is_empty() {
        return Err(GatewayError::Config(problems));
    }
    let commit_wait = Duration::from_millis(config.commit_wait_ms);
    let ids = outbox.clone();
    let (queue, queued) = IngestQueue::new(config.batch, commit_wait, move || ids.new_id());
    let storage = Storage::new(queue, outbox.clone(), commit_wait, config.retry_after_seconds);
    let gateway = Gateway::new(&config, storage, read_model);
    let committer = tokio::spawn(Committer::new(outbox, config.batch).run(queued));
    // An answer is one small write, and waiting to fill a packet would only delay it.
    let listener = listener.tap_io(|stream| {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "connection option TCP_NODELAY not set");
        }
    });
    axum::serve(listener, router(gateway)).with_graceful_shutdown(shutdown.cancelled_owned()).await?;
    // The router held the last sending end of the queue, so the committer finishes the queue and ends.
    if let Err(error) = committer.await {
        tracing::error!(%error, "committer panicked");
    }
    Ok(())
}

fn list(problems: &[ConfigError]) -> String {
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}
