//! Posts tracking webhooks to the gateway: each when it is due, again with growing pauses until it is accepted.
//!
//! The remaining webhooks follow from the state, so none is lost with the process: a new one starts with every label
//! whose scans were not all accepted. The real Shippo gives up after a few tries. This one does not, because a
//! demonstration must end with every parcel delivered.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::future::pending;
use std::sync::Arc;
use std::time::Instant;

use axum::http::{Uri, header};
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;

use super::api::Shippo;
use crate::serve::Stop;
use crate::webhooks::{self, Client, NotAccepted};

/// Webhooks that are in flight at the same time.
const MAX_IN_FLIGHT: usize = 128;

/// A webhook to send: its due time, its transaction's position, and the number of tries.
type Due = Reverse<(Instant, usize, u32)>;

/// Sends webhooks until it is stopped. A webhook in flight then counts as not accepted.
pub(crate) async fn send_webhooks(shippo: Arc<Shippo>, mut stop: Stop) {
    let client = webhooks::client();
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
    let again = |tries: u32| Some(Reverse((Instant::now() + webhooks::pause(tries), at, tries + 1)));
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

async fn post(client: &Client, target: Uri, body: String) -> Result<(), NotAccepted> {
    webhooks::post(client, target, body, |request| {
        request.header(header::USER_AGENT, "Shippo/1.0 (sandbox)").header("shippo-api-version", "2018-02-08")
    })
    .await
}
