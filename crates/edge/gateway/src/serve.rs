//! Serves: the listener, the router, and the committer's task.

use std::pin::pin;
use std::time::Duration;

use despatch_read_model::ReadModel;
use despatch_runtime::Outbox;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::config::{Config, ConfigError};
use crate::connections::{self, ConnectionLimits, Proxies};
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
    /// The task that commits ended, which only a defect causes. The log has the panic.
    #[error("the committer ended")]
    Committer,
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
    let mut committer = tokio::spawn(Committer::new(outbox, config.batch).run(queued));
    let limits = ConnectionLimits {
        total: config.connections,
        per_address: config.connections_per_address,
        proxies: Proxies::new(&config.trusted_proxies),
    };
    let mut serving = pin!(connections::serve(listener, router(gateway), limits, shutdown.clone()));
    let ended = tokio::select! {
        biased;
        () = &mut serving => committer.await,
        ended = &mut committer => match ended {
            // The last request of a gateway that stops held the last sending end of the queue.
            Ok(()) if shutdown.is_cancelled() => {
                serving.await;
                ended
            }
            _ => {
                // Without it every request would be answered with 503 until somebody restarts the process.
                tracing::error!("committer ended: the gateway stops");
                return Err(GatewayError::Committer);
            }
        }
    };
    ended.map_err(|_| GatewayError::Committer)
}

fn list(problems: &[ConfigError]) -> String {
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}
