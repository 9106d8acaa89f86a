//! The load: orders are placed as fast as they complete, with a fixed number in flight.

use std::sync::atomic::Ordering;
use std::time::Duration;

use async_nats::jetstream::Context;
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;

use crate::load::placing::Placing;
use crate::load::progress::Completed;
use crate::result::Result;

/// Interval at which completed orders are counted.
const POLL_INTERVAL: Duration = Duration::from_millis(2);

/// Messages on their way to the broker at the same time.
const UNACKED: usize = 1024;

/// Places this many orders, and returns once `completed` has grown by as many.
pub(crate) async fn closed_loop(
    jetstream: &Context,
    orders: usize,
    in_flight: usize,
    completed: &Completed,
    placing: impl Fn() -> Placing,
) -> Result {
    let before = completed.load(Ordering::Relaxed);
    let so_far = || completed.load(Ordering::Relaxed) - before;
    let mut unacked = FuturesUnordered::new();
    for placed in 0..orders {
        while placed >= so_far() + in_flight {
            tokio::time::sleep(POLL_INTERVAL).await;
        }
        let Placing { subject, headers, payload } = placing();
        let sent = jetstream.publish_with_headers(subject, headers, payload).await?;
        unacked.push(sent.into_future());
        if unacked.len() >= UNACKED
            && let Some(stored) = unacked.next().await
        {
            stored?;
        }
    }
    while let Some(stored) = unacked.next().await {
        stored?;
    }
    while so_far() < orders {
        tokio::time::sleep(POLL_INTERVAL).await;
    }
    Ok(())
}
