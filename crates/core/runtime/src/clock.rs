//! What happens by the database's clock: retries that have come due, timers that fire, open batches that nobody
//! finished, journal partitions.

use std::sync::Arc;
use std::time::Duration;

use deadpool_postgres::GenericClient;
use despatch_contracts::runtime::Envelope;
use despatch_contracts::{ALL, Emitted, Event, Trace};
use tokio::time::{Instant, MissedTickBehavior, timeout};

use crate::broker::Published;
use crate::database::{DbError, DbErrorKind};
use crate::failpoint;
use crate::host::Host;
use crate::migrate;
use crate::outbox::{self, OutboxMessage};
use crate::statements::Statements;

/// How often partitions are looked after.
const HOUSEKEEPING: Duration = Duration::from_secs(3600);

/// How soon they are looked after again when that did not succeed.
const TIDY_AGAIN: Duration = Duration::from_secs(60);

/// How long the broker may take at a time. What the clock gives up is in an open batch, for the next sweep; what a sweep
/// gives up, for the one after. Nobody's rows are locked for much longer.
const PATIENCE: Duration = Duration::from_secs(10);

/// As many as one statement takes; when it took that many there are probably more.
const FULL: usize = 256;

/// As many open batches as are swept in one transaction.
const SWEPT: usize = 16;

/// Runs a worker's clock until the process drains. Every process of a worker runs one; rows are locked, so each is
/// taken once.
pub(crate) async fn run(host: Arc<Host>) {
    let mut tick = tokio::time::interval(host.settings.clock_tick);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let sweep_every = (host.settings.sweep_after / 4).max(host.settings.clock_tick);
    let (mut sweep_at, mut tidy_at) = (Instant::now(), Instant::now());
    let mut passed = 0;
    loop {
        tokio::select! {
            _ = tick.tick() => {}
            () = host.drain.cancelled() => return,
        }
        let turn = async {
            let due = host.journal.due(&host.db.client().await?).await?;
            // What is due stays due while there is nobody to take it.
            let broker = || host.broker.is_connected();
            while due.retries && broker() && fire_retries(&host).await? == More::Probably {}
            while due.timers && broker() && fire_timers(&host).await? == More::Probably {}
            if broker() && Instant::now() >= sweep_at {
                sweep(&host, &mut passed).await?;
                sweep_at = Instant::now() + sweep_every;
            }
            if Instant::now() >= tidy_at {
                // A worker that is too busy for it now is asked again before long.
                tidy_at = Instant::now() + TIDY_AGAIN;
                migrate::partitions_ahead(&host.db, host.journal.schema()).await?;
                migrate::drop_expired(&host.db, host.journal.schema(), host.settings.journal_retention)
                    .await?;
                tidy_at = Instant::now() + HOUSEKEEPING;
            }
            Ok::<_, DbError>(())
        };
        match turn.await {
            Ok(()) => host.health.ready(&host.database_part()),
            Err(error) if error.kind() == DbErrorKind::Unreachable => {
                host.health.not_ready(&host.database_part(), error.to_string());
            }
            Err(error) => tracing::error!(worker = host.worker, %error, "the clock missed a turn"),
        }
    }
}

/// Sets a worker's durable timer in the caller's transaction, from outside of its handlers: `event` is published once
/// `after` has passed by the database's clock, as soon as a process of the worker runs. A timer of the same key is
/// replaced.
pub async fn set_timer<E: Event>(
    client: &impl GenericClient,
    worker: &str,
    key: &str,
    after: Duration,
    event: &E,
) -> Result<(), DbError> {
    let Emitted { event_type, order_id, payload } = Emitted::from(event);
    let statement = client.prepare_cached(&Statements::of(worker).schedule).await?;
    let (keys, seconds, types) = (vec![key], vec![after.as_secs_f64()], vec![event_type]);
    let (orders, payloads, traces) =
        (vec![order_id], vec![payload.to_vec()], vec![Trace::root().to_string()]);
    client.execute(&statement, &[&keys, &seconds, &types, &orders, &payloads, &traces]).await?;
    Ok(())
}

/// Whether there is more to be done at once.
#[derive(PartialEq, Eq)]
enum More {
    Probably,
    /// No more, or the broker does not take it.
    NotNow,
}

impl More {
    fn after(count: usize, published: Published) -> Self {
        if count >= FULL && published == Published::All { More::Probably } else { More::NotNow }
    }
}

/// Publishes unless the broker takes too long.
async fn publish(host: &Host, messages: &[Envelope]) -> Published {
    timeout(PATIENCE, host.broker.publish(messages, &host.abandon)).await.unwrap_or_else(|_| {
        tracing::warn!(worker = host.worker, "the broker does not answer; the clock goes on");
        Published::Owed
    })
}

/// Publishes the next generation of waiting events whose time has come.
async fn fire_retries(host: &Host) -> Result<More, DbError> {
    let fired = host.journal.fire_retries(&host.db.client().await?).await?;
    if !fired.is_empty() {
        failpoint::pass("after-fire");
    }
    let count = fired.values().map(|owed| owed.messages.len() + owed.unreadable.len()).sum();
    for (batch, owed) in fired {
        if publish(host, &owed.messages).await == Published::Owed {
            // This batch and those after it are left to the sweeper.
            return Ok(More::NotNow);
        }
        host.close_but(batch, &owed.unreadable).await?;
    }
    Ok(More::after(count, Published::All))
}

/// Journals and publishes the events of timers whose time has come.
async fn fire_timers(host: &Host) -> Result<More, DbError> {
    let mut client = host.db.client().await?;
    let tx = client.transaction().await?;
    let rows = host.journal.fire_timers(&tx, ALL).await?;
    if rows.is_empty() {
        return Ok(More::NotNow);
    }
    let arrivals: Vec<OutboxMessage> = rows
        .iter()
        .filter_map(|row| {
            let stored: &str = row.get("event_type");
            let event_type = ALL.iter().find(|name| **name == stored)?;
            let payload = row.get::<_, &[u8]>("payload").to_vec().into();
            let event = Emitted { event_type, order_id: row.get("order_id"), payload };
            let trace = Trace::parse(row.get("traceparent"), "").unwrap_or_else(Trace::root);
            Some(OutboxMessage::timer(host.worker, event, &trace))
        })
        .collect();
    let count = rows.len();
    let owed = outbox::write(&tx, host, &outbox::timer_source(host.worker), arrivals).await?;
    tx.commit().await?;
    drop(client);
    failpoint::pass("after-timer");
    let published = timeout(PATIENCE, outbox::publish(host, owed)).await.unwrap_or(Published::Owed);
    Ok(More::after(count, published))
}

/// Finishes open batches that whoever opened them did not, those after `passed` first. One that the broker does not take
/// ends the sweep, and is passed too, lest it keep the others waiting.
async fn sweep(host: &Host, passed: &mut i64) -> Result<(), DbError> {
    let until = Instant::now() + PATIENCE;
    while sweep_some(host, passed, until).await? == More::Probably {}
    Ok(())
}

/// As many as one transaction takes.
async fn sweep_some(host: &Host, passed: &mut i64, until: Instant) -> Result<More, DbError> {
    let mut client = host.db.client().await?;
    let tx = client.transaction().await?;
    // The transaction holds the rows while they are finished, so that other replicas pass over them.
    let overdue = host.journal.overdue(&tx, host.settings.sweep_after, *passed).await?;
    let mut closed = Vec::new();
    let mut tried = 0;
    for batch in overdue.iter().take_while(|_| Instant::now() < until) {
        (*passed, tried) = (batch.id, tried + 1);
        let owed = host.journal.owed(&tx, batch).await?;
        if publish(host, &owed.messages).await == Published::Owed {
            break;
        }
        if owed.unreadable.is_empty() {
            closed.push(batch.id);
        } else if owed.unreadable.len() < batch.events.len() {
            host.journal.narrow(&tx, batch.id, &owed.unreadable).await?;
        }
    }
    if !closed.is_empty() {
        tracing::info!(worker = host.worker, batches = closed.len(), "swept");
        host.journal.close(&tx, &closed).await?;
    }
    tx.commit().await?;
    if tried < overdue.len() {
        return Ok(More::NotNow);
    }
    if overdue.len() < SWEPT {
        *passed = 0;
        return Ok(More::NotNow);
    }
    Ok(More::Probably)
}
