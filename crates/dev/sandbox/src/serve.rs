//! Serves a router over HTTP/1.1, with one thing that ordinary servers cannot do: close the connection instead
//! of answering.

use axum::{
    Router,
    body::Body,
    http::{Request, Response},
};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use tokio::{net::TcpListener, sync::watch, task::JoinSet};

/// Tells every server to stop, by its sender's end.
pub(crate) type Stop = watch::Receiver<()>;

/// Marks a response whose connection is closed in its place.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the answer is withheld")]
pub(crate) struct Withheld;

/// A response that never leaves.
pub(crate) fn withheld() -> Response<Body> {
    let mut response = Response::new(Body::empty());
    response.extensions_mut().insert(Withheld);
    response
}

/// Accepts connections until it is told to stop, and ends them before it returns.
pub(crate) async fn serve(listener: TcpListener, app: Router, mut stop: Stop) {
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = stop.changed() => return connections.shutdown().await,
        };
        let stream = match accepted {
            Ok((stream, _)) => stream,
            Err(error) => {
                // Out of file descriptors, or a client that left again; the next accept shows which.
                tracing::warn!(%error, "cannot accept a connection");
                tokio::task::yield_now().await;
                continue;
            }
        };
        // Without it an answer in two segments waits 40 ms for the client's delayed ack; failing to set it only costs time.
        drop(stream.set_nodelay(true));
        let app = app.clone();
        connections.spawn(async move {
            let service = service_fn(move |request: Request<Incoming>| answer(app.clone(), request));
            let connection = http1::Builder::new()
                .timer(TokioTimer::new())
                .serve_connection(TokioIo::new(stream), service);
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection ended early");
            }
        });
        while connections.try_join_next().is_some() {}
    }
}

async fn answer(app: Router, request: Request<Incoming>) -> Result<Response<Body>, Withheld> {
    let service = TowerToHyperService::new(app);
    let response = match hyper::service::Service::call(&service, request).await {
        Ok(response) => response,
        Err(never) => match never {},
    };
    match response.extensions().get::<Withheld>() {
        Some(withheld) => Err(*withheld),
        None => Ok(response),
    }
}
