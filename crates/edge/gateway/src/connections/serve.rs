//! Accepts connections and serves their requests.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::http::header::CONNECTION;
use axum::http::{HeaderValue, Request};
use axum::response::{IntoResponse as _, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::connection::Watched;
use super::registry::{ConnectionLimits, Connections, Open};
use crate::http::error::ApiError;

/// The largest head of a request, and the largest part of a body that is read at once.
const BUFFER: usize = 64 * 1024;

/// How often a connection looks at its own deadline, which moves with each request.
const LOOK: Duration = Duration::from_secs(10);

/// How long to wait if a connection cannot be accepted, as without a free file descriptor.
const PAUSE: Duration = Duration::from_millis(50);

/// Seconds after which a sender for whom there was no room should come back.
const RETRY_AFTER: u64 = 1;

/// The paths of probes, which are answered even if there is no room.
const PROBES: [&str; 2] = ["/healthz", "/readyz"];

/// Serves until `shutdown`, then finishes the requests in progress and returns.
pub(crate) async fn serve(
    listener: TcpListener,
    router: Router,
    limits: ConnectionLimits,
    shutdown: CancellationToken,
) {
    let connections = Arc::new(Connections::new(limits));
    let tasks = TaskTracker::new();
    loop {
        let accepted = async {
            connections.room().await;
            listener.accept().await
        };
        let accepted = tokio::select! {
            accepted = accepted => accepted,
            () = shutdown.cancelled() => break,
        };
        match accepted {
            Ok((stream, peer)) => {
                if let Some(open) = connections.admit(peer.ip()) {
                    tasks.spawn(run(open, stream, router.clone(), shutdown.clone()));
                }
            }
            Err(error) => {
                tracing::debug!(%error, "connection not accepted");
                connections.close_idlest();
                sleep(PAUSE).await;
            }
        }
    }
    drop((listener, router));
    tasks.close();
    tasks.wait().await;
}

/// Serves a connection until its end.
async fn run(open: Open, stream: TcpStream, router: Router, shutdown: CancellationToken) {
    // An answer is one small write, and waiting to fill a packet would only delay it.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "connection option TCP_NODELAY not set");
    }
    let connection = open.connection.clone();
    let app = TowerToHyperService::new(router);
    let service = service_fn(|request| answer(&open, &app, request));
    let stream = TokioIo::new(Watched(stream, connection.clone()));
    let serving = http1::Builder::new().max_buf_size(BUFFER).serve_connection(stream, service);
    let mut serving = std::pin::pin!(serving);
    let mut stopping = false;
    loop {
        let look = Instant::now() + LOOK;
        let until = connection.deadline().map_or(look, |deadline| deadline.min(look));
        tokio::select! {
            ended = serving.as_mut() => {
                if let Err(error) = ended {
                    tracing::debug!(%error, "connection failed");
                }
                return;
            }
            () = sleep_until(until) => {
                if connection.deadline().is_some_and(|deadline| deadline <= Instant::now()) {
                    return;
                }
            }
            () = connection.closed() => return,
            () = shutdown.cancelled(), if !stopping => {
                if connection.quiet_since().is_some() {
                    return;
                }
                stopping = true;
                serving.as_mut().graceful_shutdown();
            }
        }
    }
}

async fn answer(
    open: &Open,
    app: &TowerToHyperService<Router>,
    request: Request<Incoming>,
) -> Result<Response, Infallible> {
    let _in_request = open.connection.request();
    if open.connection.over_limit && !PROBES.contains(&request.uri().path()) {
        return Ok(closing(ApiError::Unavailable { retry_after_seconds: RETRY_AFTER }.into_response()));
    }
    let Some(_counted) = open.of.admit_request(open.connection.peer, request.headers()) else {
        return Ok(ApiError::TooMany { retry_after_seconds: RETRY_AFTER }.into_response());
    };
    let response = app.call(request).await?;
    Ok(if open.connection.over_limit { closing(response) } else { response })
}

/// Returns the answer as one after which the connection closes.
fn closing(mut response: Response) -> Response {
    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    response
}

#[cfg(test)]
mod tests;
