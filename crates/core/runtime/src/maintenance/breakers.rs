//! The scheduler's part in circuit breakers: it writes down what this process has seen of each provider, learns the state
//! that all processes share, and lets held events go.

use std::collections::BTreeMap;

use deadpool_postgres::Transaction;
use despatch_contracts::Emitted;
use despatch_contracts::provider::{ProviderFailed, ProviderRecovered};
use tokio::time::timeout;

use crate::breaker::{Breaker, BreakerState, Observed, Trip};
use crate::context::WorkerContext;
use crate::db::DbError;
use crate::journal::{BreakerRow, Recovered};
use crate::maintenance::relay::{PUBLISH_TIMEOUT, publish_fired};
use crate::outbox::{self, OutboxMessage, Unpublished};

/// Writes down the breakers that this process has opened. Returns what else it has seen, by provider.
pub(crate) async fn note(ctx: &WorkerContext) -> Result<BTreeMap<&'static str, Observed>, DbError> {
    let mut observed = BTreeMap::new();
    for breaker in ctx.breakers.all() {
        let seen = breaker.take_observed();
        if let Some(trip) = &seen.trip {
            open(ctx, breaker, trip).await?;
        }
        observed.insert(breaker.provider.name, seen);
    }
    Ok(observed)
}

/// Takes over the state of each breaker, and moves it on.
pub(crate) async fn tend(
    ctx: &WorkerContext,
    rows: Vec<BreakerRow>,
    observed: &BTreeMap<&'static str, Observed>,
) -> Result<(), DbError> {
    for row in rows {
        // A row of a provider that this build does not ask is left for a build that does.
        let Some(breaker) = ctx.breakers.get(&row.provider) else { continue };
        let is_new = breaker.learn(row.state);
        show(ctx, breaker, &row, is_new);
        let none = Observed::default();
        let seen = observed.get(breaker.provider.name).unwrap_or(&none);
        match row.state {
            BreakerState::Closed if row.holds => release(ctx, &row, 0).await?,
            BreakerState::Closed => {}
            BreakerState::Open => tend_open(ctx, &row, seen).await?,
            BreakerState::HalfOpen => tend_half_open(ctx, &row, seen).await?,
        }
    }
    Ok(())
}

async fn tend_open(ctx: &WorkerContext, row: &BreakerRow, seen: &Observed) -> Result<(), DbError> {
    let provider = row.provider.as_str();
    if seen.answers > 0 {
        if ctx.journal.half_open_breaker(&ctx.db.client().await?, provider).await? {
            tracing::info!(worker = ctx.worker, provider, "breaker half-open: the provider answers");
        }
        return Ok(());
    }
    if let Some(error) = seen.failure.as_ref().filter(|_| seen.trip.is_none()) {
        return ctx.journal.fail_probe(&ctx.db.client().await?, provider, error).await;
    }
    if row.holds && row.lets_go && ctx.broker.is_connected() {
        let by = format!("process {}", std::process::id());
        let fired = ctx.journal.fire_probe(&ctx.db.client().await?, provider, &by).await?;
        publish_fired(ctx, fired).await?;
    }
    Ok(())
}

async fn tend_half_open(ctx: &WorkerContext, row: &BreakerRow, seen: &Observed) -> Result<(), DbError> {
    if let Some(error) = &seen.failure {
        ctx.journal.slow_breaker(&ctx.db.client().await?, &row.provider, error).await?;
    }
    if row.holds { release(ctx, row, seen.answers).await } else { close(ctx, row).await }
}

/// Lets held events go, as many as the rate allows.
async fn release(ctx: &WorkerContext, row: &BreakerRow, answers: u32) -> Result<(), DbError> {
    if ctx.broker.is_connected() {
        let fired = ctx.journal.release_held(&ctx.db.client().await?, &row.provider, answers).await?;
        publish_fired(ctx, fired).await?;
    }
    Ok(())
}

/// Writes down that a breaker opened, and reports a new outage.
async fn open(ctx: &WorkerContext, breaker: &Breaker, trip: &Trip) -> Result<(), DbError> {
    let outage = ctx.clock.new_id();
    let provider = breaker.provider;
    let report = ProviderFailed {
        worker: ctx.worker.to_owned(),
        provider: provider.name.to_owned(),
        kind: provider.kind.name().to_owned(),
        reason: trip.reason.code().to_owned(),
        error: trip.error.clone(),
        outage_id: outage.to_string(),
    };
    let mut client = ctx.db.client().await?;
    let tx = client.transaction().await?;
    if !ctx.journal.open_breaker(&tx, provider.name, trip, outage).await? {
        return Ok(tx.commit().await?);
    }
    let unpublished = commit(ctx, tx, Emitted::from(&report)).await?;
    drop(client);
    let (provider, reason) = (provider.name, trip.reason.code());
    tracing::error!(worker = ctx.worker, provider, reason, error = trip.error, "breaker open: events wait");
    publish(ctx, unpublished).await;
    Ok(())
}

/// Closes a breaker that holds nothing any more, and reports the end of the outage.
async fn close(ctx: &WorkerContext, row: &BreakerRow) -> Result<(), DbError> {
    let mut client = ctx.db.client().await?;
    let tx = client.transaction().await?;
    let Some(Recovered { outage, lasted }) = ctx.journal.close_breaker(&tx, &row.provider).await? else {
        return Ok(tx.commit().await?);
    };
    let report = ProviderRecovered {
        worker: ctx.worker.to_owned(),
        provider: row.provider.clone(),
        outage_id: outage.to_string(),
        seconds: lasted.as_secs(),
    };
    let unpublished = commit(ctx, tx, Emitted::from(&report)).await?;
    drop(client);
    tracing::info!(worker = ctx.worker, provider = row.provider, ?lasted, "breaker closed");
    publish(ctx, unpublished).await;
    Ok(())
}

/// Commits a change of a breaker's row together with the report on it.
async fn commit(ctx: &WorkerContext, tx: Transaction<'_>, report: Emitted) -> Result<Unpublished, DbError> {
    let messages = vec![OutboxMessage::of_runtime(ctx, report)];
    let unpublished = outbox::write(&tx, ctx, &outbox::runtime_source(ctx.worker), messages).await?;
    tx.commit().await?;
    Ok(unpublished)
}

/// Publishes a report. The sweeper publishes what is not published now.
async fn publish(ctx: &WorkerContext, report: Unpublished) {
    drop(timeout(PUBLISH_TIMEOUT, outbox::publish(ctx, report)).await);
}

/// Shows the breaker in the process's health. A process stays ready, because other events go on.
fn show(ctx: &WorkerContext, breaker: &Breaker, row: &BreakerRow, is_new: bool) {
    match row.state {
        BreakerState::Closed if is_new => ctx.health.ready(&breaker.part(ctx.worker)),
        BreakerState::Closed => {}
        BreakerState::Open | BreakerState::HalfOpen => {
            ctx.health.degraded(&breaker.part(ctx.worker), format!("{}: {}", row.reason, row.error));
        }
    }
}
