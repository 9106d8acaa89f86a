//! Accepts connections, and serves routers over HTTP/1.1. Unlike ordinary servers it can close the connection instead
//! of answering.

use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// The signal for every server to stop: the end of its sender.
pub(crate) type Stop = watch::Receiver<()>;

/// By this header `despatch doctor` knows a stand-in.
const STAND_IN: HeaderName = HeaderName::from_static("despatch-sandbox");

/// Pause after a connection could not be accepted, most likely for want of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Runs `work` on every connection until it is stopped, and ends running work before it returns.
pub(crate) async fn accept<Work>(listener: TcpListener, mut stop: Stop, work: impl Fn(TcpStream) -> Work)
where
    Work: Future<Output = ()> + Send + 'static,
{
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = stop.changed() => return connections.shutdown().await,
        };
        match accepted {
            Ok((stream, _)) => {
                if let Err(error) = stream.set_nodelay(true) {
                    tracing::debug!(%error, "connection option TCP_NODELAY not set");
                }
                connections.spawn(work(stream));
            }
            Err(error) => {
                tracing::warn!(%error, "connection not accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
        while connections.try_join_next().is_some() {}
    }
}

/// Marks a response whose connection is closed instead of sending it.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the answer is withheld")]
pub(crate) struct Withheld;

/// Returns a response that is never sent.
pub(crate) fn withheld() -> Response<Body> {
    let mut response = Response::new(Body::empty());
    response.extensions_mut().insert(Withheld);
    response
}

/// Serves `app` until it is stopped.
pub(crate) async fn serve(listener: TcpListener, app: Router, stop: Stop) {
    accept(listener, stop, |stream| converse(stream, app.clone())).await;
}

async fn converse(stream: TcpStream, app: Router) {
    let service = service_fn(move |request| answer(app.clone(), request));
    let stream = TokioIo::new(stream);
    let connection = http1::Builder::new().timer(TokioTimer::new()).serve_connection(stream, service);
    if let Err(error) = connection.await {
        tracing::debug!(%error, "connection ended early");
    }
}

async fn answer(app: Router, request: Request<Incoming>) -> Result<Response<Body>, Withheld> {
    let service = TowerToHyperService::new(app);
    let response = match hyper::service::Service::call(&service, request).await {
        Ok(response) => response,
        Err(never) => match never {},
    };
    if let Some(withheld) = response.extensions().get::<Withheld>() {
        return Err(*withheld);
    }
    let mut response = response;
    response.headers_mut().insert(STAND_IN, HeaderValue::from_static("1"));
    Ok(response)
}
