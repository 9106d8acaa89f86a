//! Waits until a site that is left in peace has nothing left to do.

use std::time::{Duration, Instant};

use crate::result::Result;
use async_nats::jetstream;
use despatch_runtime::{Database, RetryFilter, retry_now};
use despatch_scenario::Auditor;
use futures_util::StreamExt;

use crate::orders::Taken;
use crate::run::Watch;
use crate::site::{STREAM, Site};

/// How long nothing may change before it is given up. Longer than the longest wait that nobody can retry_now: a lost
/// connection is noticed, a lost ack waited for, an open batch swept.
const STUCK: Duration = Duration::from_secs(60);

const LOOK: Duration = Duration::from_millis(250);

/// How a site came to rest.
pub(crate) enum Rest {
    /// Everything is settled.
    Quiet,
    /// Nothing changes any more, and this is left.
    Stuck(Vec<String>),
}

/// Waits for quiet, with all of `orders` taken and ended. What waits for its next try is tried at once.
pub(crate) async fn settle(site: &mut Site, watch: &mut Watch, orders: usize, taken: &Taken) -> Result<Rest> {
    let database = site.database()?;
    let auditor = site.auditor()?;
    let jetstream = site.jetstream().await?;
    let mut before = (Vec::new(), 0);
    let mut changed = Instant::now();
    loop {
        watch.look(site)?;
        let (mut left, sequence) = look(&auditor, &database, &jetstream).await?;
        let ended = auditor.progress().await.map_or(0, |progress| progress.ended());
        if taken.count() < orders || ended < orders {
            left.push(format!("{} of {orders} orders taken, {ended} ended", taken.count()));
        }
        let now = (left, sequence);
        // The parts are asked one after the other, so only two looks without a change between them prove it.
        if now == before && now.0.is_empty() {
            return Ok(Rest::Quiet);
        }
        if now != before {
            changed = Instant::now();
        } else if changed.elapsed() > STUCK {
            return Ok(Rest::Stuck(now.0));
        }
        before = now;
        tokio::time::sleep(LOOK).await;
    }
}

/// What is still to be done, in words, and the number of the stream's last message.
async fn look(
    auditor: &Auditor,
    database: &Database,
    jetstream: &jetstream::Context,
) -> Result<(Vec<String>, u64)> {
    let mut left = Vec::new();
    let mut sequence = 0;
    match jetstream.get_stream(STREAM).await {
        Ok(stream) => {
            sequence = stream.cached_info().state.last_sequence;
            let mut consumers = stream.consumers();
            while let Some(consumer) = consumers.next().await {
                let consumer = match consumer {
                    Ok(consumer) => consumer,
                    // One that is just being made anew.
                    Err(error) => {
                        left.push(format!("consumers: {error}"));
                        break;
                    }
                };
                let (pending, held) = (consumer.num_pending, consumer.num_ack_pending);
                if consumer.config.durable_name.is_some() && (pending > 0 || held > 0) {
                    left.push(format!("{}: {pending} messages pending, {held} held", consumer.name));
                }
            }
        }
        Err(error) => left.push(format!("no stream: {error}")),
    }
    match auditor.backlogs().await {
        Ok(backlogs) => {
            for (worker, backlog) in backlogs {
                if backlog.waiting > 0 {
                    retry_now(database, worker, &RetryFilter::default()).await?;
                    left.push(format!("{worker}: {} events wait for their next try", backlog.waiting));
                }
                if backlog.open_batches > 0 {
                    left.push(format!("{worker}: {} batches open", backlog.open_batches));
                }
            }
        }
        // A schema that is not there yet.
        Err(error) => left.push(format!("no journals: {error}")),
    }
    Ok((left, sequence))
}
