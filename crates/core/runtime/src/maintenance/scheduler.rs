//! The scheduler: publishes due retries and timers, runs the sweeper, maintains the journal's partitions, and learns
//! the database's time from each tick.

use crate::maintenance::breakers;
use crate::maintenance::relay::{PUBLISH_TIMEOUT, publish_fired};
use std::sync::Arc;
use std::time::Duration;

use despatch_contracts::{Emitted, Trace};
use tokio::time::{Instant, MissedTickBehavior, timeout};

use crate::context::WorkerContext;
use crate::db::{DbError, DbErrorKind};
use crate::failpoint;
use crate::journal::Due;
use crate::journal::partitions;
use crate::maintenance::relay::Progress;
use crate::maintenance::sweeper::sweep;
use crate::nats::Published;
use crate::outbox;
use crate::outbox::OutboxMessage;

/// Interval of the maintenance of partitions.
const HOUSEKEEPING: Duration = Duration::from_secs(3600);

/// Wait before failed maintenance is tried again.
const HOUSEKEEPING_RETRY: Duration = Duration::from_secs(60);

/// Runs a worker's scheduler until the process drains. Every process of a worker runs one. Each row is taken once,
/// because takers lock it. `timers` are the event types of the worker's timers.
pub(crate) async fn run(ctx: Arc<WorkerContext>, timers: Vec<&'static str>) {
    let mut tick = tokio::time::interval(ctx.settings.clock_tick);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut scheduler = Scheduler {
        sweep_every: (ctx.settings.sweep_after / 4).max(ctx.settings.clock_tick),
        sweep_at: Instant::now(),
        tidy_at: Instant::now(),
        passed: 0,
        timers,
        ctx: &ctx,
    };
    loop {
        tokio::select! {
            _ = tick.tick() => {}
            () = ctx.drain.cancelled() => return,
        }
        failpoint::pass("scheduler");
        match scheduler.tick().await {
            Ok(()) => ctx.health.ready(&ctx.database_part()),
            Err(error) if error.kind() == DbErrorKind::Unreachable => {
                ctx.health.not_ready(&ctx.database_part(), error.to_string());
            }
            Err(error) => tracing::error!(worker = ctx.worker, %error, "scheduler tick failed"),
        }
    }
}

struct Scheduler<'a> {
    ctx: &'a WorkerContext,
    timers: Vec<&'static str>,
    sweep_every: Duration,
    sweep_at: Instant,
    tidy_at: Instant,
    /// The last outbox batch that the sweeper has passed.
    passed: i64,
}

impl Scheduler<'_> {
    async fn tick(&mut self) -> Result<(), DbError> {
        let ctx = self.ctx;
        let observed = breakers::note(ctx).await?;
        let due = self.due().await?;
        breakers::tend(ctx, due.breakers, &observed).await?;
        // Due work stays due while there is no connection to the broker.
        let connected = || ctx.broker.is_connected();
        while due.retries && connected() && self.fire_retries().await? == Progress::More {}
        while due.timers && connected() && self.fire_timers().await? == Progress::More {}
        if connected() && Instant::now() >= self.sweep_at {
            sweep(ctx, &mut self.passed).await?;
            self.sweep_at = Instant::now() + self.sweep_every;
        }
        if Instant::now() >= self.tidy_at {
            // A worker that was too busy for it tries again soon.
            self.tidy_at = Instant::now() + HOUSEKEEPING_RETRY;
            let schema = ctx.journal.schema();
            partitions::partitions_ahead(&ctx.db, schema).await?;
            partitions::drop_expired(&ctx.db, schema, ctx.settings.journal_retention).await?;
            self.tidy_at = Instant::now() + HOUSEKEEPING;
        }
        Ok(())
    }

    /// Reads what is due, and the time.
    async fn due(&self) -> Result<Due, DbError> {
        let client = self.ctx.db.client().await?;
        let asked = std::time::Instant::now();
        let due = self.ctx.journal.due(&client).await?;
        self.ctx.clock.learn(due.now, asked);
        Ok(due)
    }

    /// Publishes the next generation of due retries.
    async fn fire_retries(&self) -> Result<Progress, DbError> {
        let ctx = self.ctx;
        let fired = ctx.journal.fire_retries(&ctx.db.client().await?).await?;
        if !fired.is_empty() {
            failpoint::pass("after-fire");
        }
        publish_fired(ctx, fired).await
    }

    /// Journals and publishes the events of due timers.
    async fn fire_timers(&self) -> Result<Progress, DbError> {
        let ctx = self.ctx;
        let mut client = ctx.db.client().await?;
        let tx = client.transaction().await?;
        let rows = ctx.journal.fire_timers(&tx, &self.timers).await?;
        if rows.is_empty() {
            return Ok(Progress::Finished);
        }
        let messages: Vec<OutboxMessage> = rows
            .iter()
            .filter_map(|row| {
                let stored: &str = row.get("event_type");
                let event_type = self.timers.iter().find(|name| **name == stored)?;
                let payload = row.get::<_, &[u8]>("payload").to_vec().into();
                let event = Emitted { event_type, subject: row.get("subject"), payload };
                let trace = Trace::parse(row.get("traceparent"), "").unwrap_or_else(Trace::root);
                Some(OutboxMessage::timer(ctx, event, &trace))
            })
            .collect();
        let count = rows.len();
        let unpublished = outbox::write(&tx, ctx, &outbox::timer_source(ctx.worker), messages).await?;
        tx.commit().await?;
        drop(client);
        failpoint::pass("after-timer");
        let published = timeout(PUBLISH_TIMEOUT, outbox::publish(ctx, unpublished)).await;
        Ok(Progress::after(count, published.unwrap_or(Published::Partly)))
    }
}
