//! `despatch run`: one or several workers, for Kubernetes. The servers are given; readiness means "consuming".

use std::error::Error;
use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::http::StatusCode;
use axum::routing::get;
use despatch_runtime::{PartState, Process, Readiness, Settings};
use despatch_telemetry::Telemetry;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::config::{Config, ConfigError};
use crate::listen::listen;
use crate::registry::Registry;
use crate::result::Result;
use crate::{gateway, signals};

/// How long requests may take to end once the process is to stop. Each is answered soon after it has come in whole; one that
/// has not will be sent again.
const REQUESTS: Duration = Duration::from_secs(5);

/// Runs workers until SIGTERM, then drains.
pub(crate) async fn run(registry: &Registry, config: Config, names: &[String]) -> Result {
    let mut names: Vec<&str> = names.iter().map(String::as_str).collect();
    if names.is_empty() {
        names = registry.names();
    }
    for name in &names {
        registry.named(Some(name))?;
    }
    // Workers make their instruments when they are built.
    let service = if let [name] = names[..] { format!("despatch-{name}") } else { "despatch".to_owned() };
    let telemetry = Arc::new(Telemetry::start(&service)?);
    let (_, workers) = ConfigError::together(
        ConfigError::together(config.check_servers(), config.check_identity()),
        registry.workers(&config, &names),
    )?;
    let collect_gauges = !config.health.listen.is_empty() || telemetry.sends_metrics();
    let settings = Settings { collect_gauges, ..config.settings() };
    let shutdown = CancellationToken::new();
    let process = Process::start(settings, workers).await?;
    let mut probing = None;
    if !config.health.listen.is_empty() {
        let otherwise = |other: &str| {
            format!(
                "another `despatch run` of this machine needs another address for its probes:\nDESPATCH_HEALTH_LISTEN={other} despatch run …"
            )
        };
        let listener = listen(&config.health.listen, otherwise).await?;
        let probes = probes(process.readiness(), telemetry.clone());
        probing = Some(tokio::spawn(async move { axum::serve(listener, probes).await }));
    }
    let mut gateway = if names.contains(&despatch_gateway::NAME) {
        let listener = gateway::bind(&config, "run").await?;
        tracing::info!(address = %listener.local_addr()?, "gateway listens");
        Some(gateway::serve(&config, &process, listener, shutdown.clone())?)
    } else {
        None
    };
    tracing::info!(workers = names.join(" "), "running");
    let stop = signals::stop();
    let served = tokio::select! {
        asked = stop => {
            asked?;
            shutdown.cancel();
            if let Ok(ended) = tokio::time::timeout(REQUESTS, end_of(gateway.as_mut())).await {
                ended
            } else {
                tracing::warn!(waited = ?REQUESTS, "requests that are still being sent are let go");
                gateway.inspect(JoinHandle::abort);
                Ok(())
            }
        }
        ended = wait_for(gateway.as_mut()) => ended,
        // A process that cannot be asked looks dead.
        ended = wait_for(probing.as_mut()) => ended.and(Err("the server of the probes ended".into())),
    };
    tracing::info!("draining");
    process.drain().await;
    telemetry.stop();
    served
}

/// Waits for the end of a server; returns at once if there is none.
async fn end_of<E: Error + Send + Sync + 'static>(server: Option<&mut JoinHandle<Result<(), E>>>) -> Result {
    match server {
        Some(server) => Ok(server.await??),
        None => Ok(()),
    }
}

/// Waits for the end of a server; never returns if there is none.
async fn wait_for<E: Error + Send + Sync + 'static>(
    server: Option<&mut JoinHandle<Result<(), E>>>,
) -> Result {
    match server {
        Some(_) => end_of(server).await,
        None => pending().await,
    }
}

fn probes(readiness: Readiness, telemetry: Arc<Telemetry>) -> Router {
    let metrics = async move || {
        let text = telemetry.metrics();
        text.map_err(|error| (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()))
    };
    let ready = move || {
        let readiness = readiness.clone();
        async move {
            let health = readiness.check().await;
            let (status, word) = if health.is_ready() {
                (StatusCode::OK, "ready\n")
            } else {
                (StatusCode::SERVICE_UNAVAILABLE, "not ready\n")
            };
            let impaired = health.parts().into_iter().filter_map(|(part, state)| match state {
                PartState::Ready => None,
                PartState::Degraded(why) => Some(format!("{part}: degraded: {why}\n")),
                PartState::NotReady(why) => Some(format!("{part}: {why}\n")),
            });
            (status, word.to_owned() + &impaired.collect::<String>())
        }
    };
    Router::new()
        .route("/healthz", get(async || "alive\n"))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
}
