//! Watches the demo's orders until every one has come to its end and nothing is left to do.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use despatch_runtime::{DbError, DbErrorKind, Process};
use despatch_scenario::{Auditor, Progress};
use tokio::sync::watch::Sender;

use super::progress::ProgressDisplay;
use crate::result::Result;

/// How long nothing may change, with nothing waiting for its next try, before the demo gives up on what is left.
const STUCK: Duration = Duration::from_secs(90);

/// How long the database may be away. A private one that ends or hangs is restarted meanwhile.
const AWAY: Duration = Duration::from_secs(300);

/// The wait before a database that is away is asked again.
const AGAIN: Duration = Duration::from_millis(500);

/// Asks a database until it answers: one that is restarted is no reason to end the demo.
pub(super) async fn patiently<T>(mut ask: impl AsyncFnMut() -> Result<T, DbError>) -> Result<T, DbError> {
    let began = Instant::now();
    loop {
        match ask().await {
            Err(error) if error.kind() == DbErrorKind::Unreachable && began.elapsed() < AWAY => {
                tracing::debug!(%error, "database asked again");
                tokio::time::sleep(AGAIN).await;
            }
            answer => return answer,
        }
    }
}

/// Returns when all `orders` are placed and ended and nothing is left to do, or when nothing changes any more. Shows the
/// progress and sends it to the task that places orders.
pub(super) async fn until_quiet(
    auditor: &Auditor,
    process: &Process,
    orders: usize,
    placed: &AtomicUsize,
    display: &ProgressDisplay,
    seen: Sender<Progress>,
) -> Result {
    let mut last_change = (Instant::now(), Progress::default());
    loop {
        let now = patiently(async || auditor.progress().await).await?;
        display.show(now.ended(), &now);
        let all_ended = placed.load(Ordering::Relaxed) == orders && now.ended() >= orders;
        if all_ended && is_quiet(auditor, process).await? {
            return Ok(());
        }
        if now != last_change.1 {
            last_change = (Instant::now(), now.clone());
        } else if last_change.0.elapsed() > STUCK {
            if waiting(auditor).await? == 0 {
                // The audit will show what is missing.
                return Ok(());
            }
            // An unlucky event waits minutes between its last tries; that is not stuck.
            last_change.0 = Instant::now();
        }
        seen.send_replace(now);
        tokio::time::sleep(Duration::from_millis(if all_ended { 50 } else { 500 })).await;
    }
}

/// Whether nothing waits or is in flight anywhere.
async fn is_quiet(auditor: &Auditor, process: &Process) -> Result<bool, DbError> {
    let backlogs = patiently(async || auditor.backlogs().await).await?;
    if backlogs.iter().any(|(_, backlog)| backlog.waiting > 0 || backlog.outbox_batches > 0) {
        return Ok(false);
    }
    let pending = process.pending().await;
    Ok(pending.iter().all(|(_, pending)| pending.is_some_and(|it| it.undelivered == 0 && it.unacked == 0)))
}

/// How many events wait for their next try.
async fn waiting(auditor: &Auditor) -> Result<u64, DbError> {
    Ok(patiently(async || auditor.backlogs().await).await?.iter().map(|(_, backlog)| backlog.waiting).sum())
}
