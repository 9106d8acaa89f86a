//! Waits until a deployment that is left alone has nothing left to do.

use std::time::{Duration, Instant};

use async_nats::jetstream;
use despatch_runtime::Database;
use despatch_scenario::Auditor;
use futures_util::StreamExt;

use crate::deployment::STREAM;
use crate::orders::AcceptedOrders;
use crate::result::Result;

const POLL_INTERVAL: Duration = Duration::from_millis(250);

/// How long nothing but waits for other events may be left until these are given up. A wait then ends as it does after an
/// hour or days otherwise. The shop reports a refund of an order whose payment became a case, for example.
const WAIT_AT_MOST: Duration = Duration::from_secs(15);

/// Whether a deployment became quiescent.
pub(crate) enum Quiescence {
    /// Everything is settled.
    Quiet,
    /// Nothing changes any more, and this work remains.
    Stuck(Vec<String>),
}

/// The records that say what is left to do.
pub(crate) struct Records {
    pub(crate) database: Database,
    pub(crate) auditor: Auditor,
    pub(crate) jetstream: jetstream::Context,
}

/// Waits until nothing is left to do, with all of `orders` accepted and finished. Pending retries run at once. Calls
/// `tend` all the time. Gives up when nothing has changed for `stuck_after`.
pub(crate) async fn quiesce(
    Records { database, auditor, jetstream }: &Records,
    orders: usize,
    accepted: &AcceptedOrders,
    stuck_after: Duration,
    mut tend: impl AsyncFnMut() -> Result,
) -> Result<Quiescence> {
    let mut before = (Vec::new(), 0);
    let mut changed = Instant::now();
    let mut worked = Instant::now();
    loop {
        tend().await?;
        postpone_periodic(database).await?;
        let Remaining { mut left, sequence, only_waits } = remaining(auditor, database, jetstream).await?;
        if !only_waits {
            worked = Instant::now();
        } else if worked.elapsed() > WAIT_AT_MOST {
            end_waits(auditor, database).await?;
            worked = Instant::now();
        }
        let ended = auditor.progress().await.map_or(0, |progress| progress.ended());
        // Orders that their shop cancelled before they were placed have no end here.
        let ended = ended + accepted.never_placed();
        if accepted.count() < orders || ended < orders {
            left.push(format!("{} of {orders} orders accepted, {ended} ended", accepted.count()));
        }
        let now = (left, sequence);
        // The parts are read one after the other, so only two equal readings prove it.
        if now == before && now.0.is_empty() {
            return Ok(Quiescence::Quiet);
        }
        if now != before {
            changed = Instant::now();
        } else if changed.elapsed() > stuck_after {
            return Ok(Quiescence::Stuck(now.0));
        }
        before = now;
        tokio::time::sleep(POLL_INTERVAL).await;
    }
}

/// Postpones timers over the whole stock. They would be set again and again, and the deployment would never be quiescent.
async fn postpone_periodic(database: &Database) -> Result {
    // A timer of one thing has that as its subject.
    let later = "update inventory.timer set due = due + interval '1 day'
                  where subject = '' and due < despatch_now() + interval '1 hour'";
    database.client().await?.execute(later, &[]).await?;
    Ok(())
}

/// Ends the wait of every event that waits for another one.
async fn end_waits(auditor: &Auditor, database: &Database) -> Result {
    let client = database.client().await?;
    for (worker, _) in auditor.backlogs().await? {
        let longer = format!(
            "update {worker}.journal set deferred_since = deferred_since - interval '5 days'
              where state = 'waiting' and deferred_since is not null"
        );
        client.execute(&longer, &[]).await?;
    }
    Ok(())
}

/// The work that is left.
struct Remaining {
    /// In words.
    left: Vec<String>,
    /// The number of the stream's last message.
    sequence: u64,
    /// Whether no more messages are on their way than events wait for their next try.
    only_waits: bool,
}

async fn remaining(
    auditor: &Auditor,
    database: &Database,
    jetstream: &jetstream::Context,
) -> Result<Remaining> {
    let (mut left, mut on_their_way, mut waits) = (Vec::new(), 0, 0);
    let mut sequence = 0;
    match jetstream.get_stream(STREAM).await {
        Ok(stream) => {
            sequence = stream.cached_info().state.last_sequence;
            let mut consumers = stream.consumers();
            while let Some(consumer) = consumers.next().await {
                let consumer = match consumer {
                    Ok(consumer) => consumer,
                    // The consumer is being created again.
                    Err(error) => {
                        left.push(format!("consumers: {error}"));
                        break;
                    }
                };
                let (pending, held) = (consumer.num_pending, consumer.num_ack_pending);
                if consumer.config.durable_name.is_some() && (pending > 0 || held > 0) {
                    on_their_way += pending + u64::try_from(held)?;
                    left.push(format!("{}: {pending} messages pending, {held} held", consumer.name));
                }
            }
        }
        Err(error) => left.push(format!("no stream: {error}")),
    }
    match auditor.backlogs().await {
        Ok(backlogs) => {
            for (worker, backlog) in backlogs {
                waits += backlog.waiting;
                if backlog.waiting > 0 {
                    let now = format!("update {worker}.retry set due = despatch_now()");
                    database.client().await?.execute(&now, &[]).await?;
                    let probe =
                        format!("update {worker}.breaker set probe_at = despatch_now() where state = 'open'");
                    database.client().await?.execute(&probe, &[]).await?;
                    left.push(format!("{worker}: {} events wait for their next try", backlog.waiting));
                }
                if backlog.outbox_batches > 0 {
                    left.push(format!("{worker}: {} batches open", backlog.outbox_batches));
                }
            }
        }
        // The schema does not exist yet.
        Err(error) => left.push(format!("no journals: {error}")),
    }
    Ok(Remaining { left, sequence, only_waits: on_their_way <= waits })
}
