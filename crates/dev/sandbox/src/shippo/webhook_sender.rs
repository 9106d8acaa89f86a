//! Posts tracking webhooks to the gateway: each when it is due, again with growing pauses until it is accepted.
//!
//! The remaining webhooks follow from the state, so none is lost with the process: a new one starts with every label
//! whose scans were not all accepted. The real Shippo gives up after a few tries. This one does not, because a
//! demonstration must end with every parcel delivered.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::future::pending;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::http::{Request, Uri, header};
use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;

use super::api::Shippo;
use crate::serve::Stop;

/// Webhooks that are in flight at the same time.
const MAX_IN_FLIGHT: usize = 128;
/// How long the gateway may take to answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// A webhook to send: its due time, its transaction's position, and the number of tries.
type Due = Reverse<(Instant, usize, u32)>;

/// Sends webhooks until it is stopped. A webhook in flight then counts as not accepted.
pub(crate) async fn send_webhooks(shippo: Arc<Shippo>, mut stop: Stop) {
    let client: Client<HttpConnector, Full<Bytes>> = Client::builder(TokioExecutor::new()).build_http();
    let mut queue: BinaryHeap<Due> = BinaryHeap::new();
    let mut seen = 0;
    let mut in_flight = FuturesUnordered::new();
    loop {
        seen = schedule(&shippo, seen, &mut queue);
        let target = shippo.webhook_target();
        while in_flight.len() < MAX_IN_FLIGHT
            && let Some(target) = &target
            && let Some(Reverse((due, at, tries))) = queue.peek().copied()
            && due <= Instant::now()
        {
            queue.pop();
            let webhook = shippo.state().next_webhook(at);
            if let Some(webhook) = webhook {
                let sent = post(&client, target.uri(), webhook.to_string());
                in_flight.push(async move { (at, tries, sent.await) });
            }
        }
        let next = queue.peek().filter(|_| target.is_some() && in_flight.len() < MAX_IN_FLIGHT);
        let next = next.map(|Reverse((due, ..))| *due);
        tokio::select! {
            _ = stop.changed() => return,
            () = shippo.wake.notified() => {}
            () = sleep_until(next) => {}
            Some((at, tries, accepted)) = in_flight.next() => queue.extend(record(&shippo, at, tries, accepted)),
        }
    }
}

/// Queues the first webhook of every transaction from `seen` on.
fn schedule(shippo: &Shippo, seen: usize, queue: &mut BinaryHeap<Due>) -> usize {
    let state = shippo.state();
    let now = Instant::now();
    queue.extend((seen..state.len()).filter_map(|at| Some(Reverse((now + state.wait(at)?, at, 0)))));
    state.len()
}

/// Records whether a webhook was accepted, and returns the next one of its transaction.
fn record(shippo: &Shippo, at: usize, tries: u32, accepted: Result<(), NotAccepted>) -> Option<Due> {
    let again = |tries: u32| {
        let pause = FIRST_PAUSE.saturating_mul(1 << tries.min(10)).min(LONGEST_PAUSE);
        Some(Reverse((Instant::now() + pause, at, tries + 1)))
    };
    if let Err(reason) = accepted {
        tracing::debug!(%reason, tries, "tracking webhook not accepted");
        return again(tries);
    }
    let mut state = shippo.state();
    if let Err(error) = state.mark_accepted(at) {
        tracing::error!(%error, "sandbox state write failed");
        return again(tries);
    }
    state.wait(at).map(|wait| Reverse((Instant::now() + wait, at, 0)))
}

async fn sleep_until(due: Option<Instant>) {
    match due {
        Some(due) => tokio::time::sleep_until(due.into()).await,
        None => pending().await,
    }
}

/// Why a webhook must be sent again.
#[derive(Debug, thiserror::Error)]
enum NotAccepted {
    #[error("expected an answer within {ANSWER_TIMEOUT:?}, found none")]
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
) -> Result<(), NotAccepted> {
    let request = Request::post(target)
        .header(header::CONTENT_TYPE, "application/json")
        .header(header::USER_AGENT, "Shippo/1.0 (sandbox)")
        .header("shippo-api-version", "2018-02-08")
        .body(Full::from(body))?;
    let answer = tokio::time::timeout(ANSWER_TIMEOUT, client.request(request))
        .await
        .map_err(|_| NotAccepted::TooLate)??;
    let status = answer.status();
    // An answer that is read to its end leaves its connection free for the next webhook; one that is too long does not.
    drop(Limited::new(answer.into_body(), 64 * 1024).collect().await);
    if status.is_success() { Ok(()) } else { Err(NotAccepted::Status(status)) }
}
