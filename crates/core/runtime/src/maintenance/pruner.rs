//! The pruner: removes rows past their retention, in small steps.
//!
//! A step is a transaction of few rows, so it holds no lock for long. A pause follows each, so that autovacuum keeps up. A crash
//! between steps is harmless: the next run continues with the rows that are left.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use despatch_contracts::EventId;
use tokio::time::{MissedTickBehavior, interval, timeout};

use crate::context::WorkerContext;
use crate::db::{DbError, DbErrorKind};
use crate::failpoint;
use crate::worker::Retention;

/// Interval of the search for rows past their retention. The first is at the start.
const EVERY: Duration = Duration::from_secs(3600);

/// The most rows of one step, not counting those that go with them.
const STEP: i64 = 200;

/// The pause between two steps.
const PAUSE: Duration = Duration::from_millis(250);

/// Days for which effects and dead events are kept by default.
const EFFECTS_DAYS: u32 = 400;
const DEAD_DAYS: u32 = 730;

/// Returns the retentions of the runtime's own tables.
fn own(schema: &str) -> [Retention; 2] {
    // A claim is for good. The effects of an event that may be tried again must stay, whatever their age.
    let effects = format!(
        "with old as (
             select e.ctid from {schema}.effect e
              where e.begun_at < $1 and e.operation <> 'claim'
                and not exists (select from {schema}.journal j where j.state <> 'done' and j.subject = e.subject)
              limit $2 for update skip locked),
         gone as (delete from {schema}.effect where ctid = any (array(select ctid from old)) returning 1)
         select count(*) from gone"
    );
    // Dead events are in this partition once their week is past the journal's retention.
    let dead = format!(
        "with old as (
             select ctid from {schema}.journal_other where state = 'dead' and recorded_at < $1
              limit $2 for update skip locked),
         gone as (delete from {schema}.journal_other where ctid = any (array(select ctid from old)) returning 1)
         select count(*) from gone"
    );
    [Retention::new("effects", EFFECTS_DAYS, effects), Retention::new("dead", DEAD_DAYS, dead)]
}

/// Prunes a worker's schema until the process drains.
pub(crate) async fn run(ctx: Arc<WorkerContext>, mut retentions: Vec<Retention>) {
    retentions.extend(own(ctx.journal.schema()));
    let mut due = interval(EVERY);
    due.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = due.tick() => {}
            () = ctx.drain.cancelled() => return,
        }
        for retention in &retentions {
            match prune(&ctx, retention).await {
                Ok(0) => {}
                Ok(rows) => {
                    tracing::info!(worker = ctx.worker, retention = retention.key, rows, "rows pruned");
                }
                Err(error) if error.kind() == DbErrorKind::Unreachable => {}
                Err(error) => {
                    tracing::error!(worker = ctx.worker, retention = retention.key, %error, "pruning failed");
                }
            }
        }
    }
}

/// Prunes step by step; returns the number of rows.
async fn prune(ctx: &WorkerContext, retention: &Retention) -> Result<i64, DbError> {
    let kept = ctx.settings.retentions.get(retention.key).copied();
    let kept = kept.unwrap_or(Duration::from_secs(24 * 3600) * retention.days);
    let mut pruned = 0;
    while !kept.is_zero() {
        let rows = step(ctx, retention, kept).await?;
        pruned += rows;
        failpoint::pass("after-prune");
        // A step that another process has just taken finds nothing either.
        if rows < STEP || timeout(PAUSE, ctx.drain.cancelled()).await.is_ok() {
            break;
        }
    }
    Ok(pruned)
}

/// Prunes at most [`STEP`] rows. While another process of the worker prunes, it prunes none.
async fn step(ctx: &WorkerContext, retention: &Retention, kept: Duration) -> Result<i64, DbError> {
    let mut client = ctx.db.client().await?;
    let tx = client.transaction().await?;
    let taken =
        "select pg_try_advisory_xact_lock(hashtextextended('despatch.prune.' || $1, 0)), despatch_now()";
    let taken = tx.query_one(taken, &[&ctx.journal.schema()]).await?;
    let Some(before) = taken.get::<_, SystemTime>(1).checked_sub(kept).filter(|_| taken.get(0)) else {
        return Ok(0);
    };
    let first_id = EventId::first_at(before).to_string();
    let statement = tx.prepare_cached(&retention.sql).await?;
    let params: [&(dyn tokio_postgres::types::ToSql + Sync); 3] = [&before, &STEP, &first_id];
    let rows = tx.query_one(&statement, &params[..statement.params().len()]).await?.try_get(0)?;
    tx.commit().await?;
    Ok(rows)
}
