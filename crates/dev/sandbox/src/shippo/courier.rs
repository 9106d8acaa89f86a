//! Brings tracking webhooks to the gateway: each when it is due, again with growing pauses until it is taken.
//!
//! What is owed follows from the book, so nothing is lost with the process: a new one starts with every label
//! whose scans were not all taken. The real Shippo gives up after a few tries; this one does not, because a
//! demonstration is to end with every parcel delivered.

use std::{
    cmp::Reverse,
    collections::BinaryHeap,
    future::pending,
    sync::Arc,
    time::{Duration, Instant},
};

use axum::http::{Request, Uri, header};
use bytes::Bytes;
use futures_util::{StreamExt as _, stream::FuturesUnordered};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use url::Url;

use super::Shippo;
use crate::{SandboxError, serve::Stop};

/// How many webhooks are under way at once.
const LANES: usize = 128;
/// How long the gateway may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// The URL that tracking webhooks are posted to, token included.
#[derive(Clone, Debug)]
pub(crate) struct Target(Uri);

impl Target {
    /// `<gateway_url>/webhooks/shippo`, with `?token=…` if there is one.
    pub(crate) fn new(gateway_url: &str, token: Option<&str>) -> Result<Self, SandboxError> {
        let refused = || SandboxError::WebhookTarget { url: gateway_url.to_owned() };
        let mut url = Url::parse(gateway_url).map_err(|_| refused())?;
        if url.scheme() != "http" || !url.has_host() {
            return Err(refused());
        }
        url.path_segments_mut().map_err(|()| refused())?.pop_if_empty().extend(["webhooks", "shippo"]);
        if let Some(token) = token {
            url.query_pairs_mut().append_pair("token", token);
        }
        url.as_str().parse().map(Self).map_err(|_| refused())
    }
}

/// A webhook's turn: due first, then the transaction's position, and how often it was tried.
type Turn = Reverse<(Instant, usize, u32)>;

/// Runs until it is told to stop. What is under way then counts as not taken.
pub(crate) async fn run(shippo: Arc<Shippo>, mut stop: Stop) {
    let client: Client<HttpConnector, Full<Bytes>> = Client::builder(TokioExecutor::new()).build_http();
    let mut turns: BinaryHeap<Turn> = BinaryHeap::new();
    let mut seen = 0;
    let mut under_way = FuturesUnordered::new();
    loop {
        seen = schedule(&shippo, seen, &mut turns);
        let target = shippo.target();
        while under_way.len() < LANES
            && let Some(target) = &target
            && let Some(Reverse((due, at, tries))) = turns.peek().copied()
            && due <= Instant::now()
        {
            turns.pop();
            let webhook = shippo.book().owed(at);
            if let Some(webhook) = webhook {
                let sent = post(&client, target.0.clone(), webhook.to_string());
                under_way.push(async move { (at, tries, sent.await) });
            }
        }
        let next = turns.peek().filter(|_| target.is_some() && under_way.len() < LANES);
        let next = next.map(|Reverse((due, ..))| *due);
        tokio::select! {
            _ = stop.changed() => return,
            () = shippo.wake.notified() => {}
            () = sleep_until(next) => {}
            Some((at, tries, taken)) = under_way.next() => turns.extend(settle(&shippo, at, tries, taken)),
        }
    }
}

/// Gives every transaction from `seen` on its first turn.
fn schedule(shippo: &Shippo, seen: usize, turns: &mut BinaryHeap<Turn>) -> usize {
    let book = shippo.book();
    let now = Instant::now();
    turns.extend((seen..book.len()).filter_map(|at| Some(Reverse((now + book.wait(at)?, at, 0)))));
    book.len()
}

/// Notes what became of a webhook, and gives its transaction the next turn.
fn settle(shippo: &Shippo, at: usize, tries: u32, taken: Result<(), NotTaken>) -> Option<Turn> {
    let again = |tries: u32| {
        let pause = FIRST_PAUSE.saturating_mul(1 << tries.min(10)).min(LONGEST_PAUSE);
        Some(Reverse((Instant::now() + pause, at, tries + 1)))
    };
    if let Err(reason) = taken {
        tracing::debug!(%reason, tries, "the gateway did not take a tracking webhook");
        return again(tries);
    }
    let mut book = shippo.book();
    if let Err(error) = book.take(at) {
        tracing::error!(%error, "the sandbox cannot write its state");
        return again(tries);
    }
    book.wait(at).map(|wait| Reverse((Instant::now() + wait, at, 0)))
}

async fn sleep_until(due: Option<Instant>) {
    match due {
        Some(due) => tokio::time::sleep_until(due.into()).await,
        None => pending().await,
    }
}

/// Why a webhook has to be sent again.
#[derive(Debug, thiserror::Error)]
enum NotTaken {
    #[error("no answer within {PATIENCE:?}")]
    TooLate,
    #[error("the request cannot be made: {0}")]
    Request(#[from] axum::http::Error),
    #[error("{0}")]
    Connection(#[from] hyper_util::client::legacy::Error),
    #[error("answered {0}")]
    Status(axum::http::StatusCode),
}

async fn post(
    client: &Client<HttpConnector, Full<Bytes>>,
    target: Uri,
    body: String,
) -> Result<(), NotTaken> {
    let request = Request::post(target)
        .header(header::CONTENT_TYPE, "application/json")
        .header(header::USER_AGENT, "Shippo/1.0 (sandbox)")
        .header("shippo-api-version", "2018-02-08")
        .body(Full::from(body))?;
    let answer =
        tokio::time::timeout(PATIENCE, client.request(request)).await.map_err(|_| NotTaken::TooLate)??;
    let status = answer.status();
    // Read to its end, an answer leaves its connection free for the next webhook; one that is too long does not.
    drop(Limited::new(answer.into_body(), 64 * 1024).collect().await);
    if status.is_success() { Ok(()) } else { Err(NotTaken::Status(status)) }
}
