//! The stock keeper of a run: a request for every few orders, and the audit of all of them.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use despatch_scenario::stock_keeper::{Asked, StockKeeper};
use despatch_scenario::{Auditor, Discrepancy};
use futures_util::StreamExt;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::result::Result;

/// Orders for each request.
pub(crate) const ORDERS_A_REQUEST: usize = 5;

/// Requests that are sent at the same time.
const AT_ONCE: usize = 4;

/// How long no request may be accepted before the run counts as stuck. It is longer than a stock keeper waits for an outcome.
const STUCK_AFTER: Duration = Duration::from_secs(120);

const POLL_INTERVAL: Duration = Duration::from_millis(250);

/// A stock keeper at work.
pub(crate) struct Keeping {
    keeper: Arc<StockKeeper>,
    asked: Arc<Mutex<Vec<Asked>>>,
    sending: JoinHandle<Result>,
}

impl Keeping {
    /// Lets a stock keeper begin. The request at index `n` is not sent before `open` orders may be placed for each request before it.
    pub(crate) fn begin(keeper: StockKeeper, open: watch::Receiver<usize>) -> Self {
        let (keeper, asked) = (Arc::new(keeper), Arc::default());
        let sending = tokio::spawn(send_all(keeper.clone(), open, Arc::clone(&asked)));
        Keeping { keeper, asked, sending }
    }

    /// Waits until every request is accepted, or one never will be. Calls `tend` all the time.
    pub(crate) async fn wait(&self, mut tend: impl AsyncFnMut() -> Result) -> Result {
        let accepted = || self.asked.lock().unwrap_or_else(PoisonError::into_inner).len();
        let (mut before, mut changed) = (accepted(), Instant::now());
        while !self.sending.is_finished() && changed.elapsed() < STUCK_AFTER {
            tend().await?;
            if accepted() != before {
                (before, changed) = (accepted(), Instant::now());
            }
            tokio::time::sleep(POLL_INTERVAL).await;
        }
        Ok(())
    }

    /// Compares the outcomes of all requests with the ledger, and prints what they were.
    pub(crate) async fn audit(self, auditor: &Auditor) -> Result<Vec<Discrepancy>> {
        if self.sending.is_finished() {
            self.sending.await??;
        } else {
            self.sending.abort();
        }
        let asked = std::mem::take(&mut *self.asked.lock().unwrap_or_else(PoisonError::into_inner));
        let mut outcomes = Vec::with_capacity(asked.len());
        for asked in asked {
            outcomes.push(self.keeper.outcome(asked).await?);
        }
        let rows = |outcome: &str| {
            let results = outcomes.iter().filter_map(|it| it.record.as_ref()).flat_map(|it| &it.results);
            results.filter(|row| row.outcome == outcome).count()
        };
        println!(
            "stock: {} of {} requests accepted; {} rows booked, {} booked before, {} refused, {} withheld",
            outcomes.len(),
            self.keeper.requests(),
            rows("booked"),
            rows("before"),
            rows("refused"),
            rows("withheld")
        );
        let mut found = Vec::new();
        if outcomes.len() < self.keeper.requests() {
            let wrong = format!("{} of {} requests were accepted", outcomes.len(), self.keeper.requests());
            found.push(Discrepancy { about: "the stock keeper".to_owned(), wrong });
        }
        let (taken, lacking) = auditor.taken_by_counts().await?;
        let dead = auditor.dead_orders().await?;
        let short =
            dead.values().filter(|letters| letters.iter().any(|it| it.reason == "stock-short")).count();
        println!(
            "stock: counts took {taken} units from orders, {lacking} orders lack some; {short} found too few units"
        );
        found.extend(auditor.audit_stock_requests(&outcomes).await?);
        Ok(found)
    }
}

async fn send_all(
    keeper: Arc<StockKeeper>,
    open: watch::Receiver<usize>,
    asked: Arc<Mutex<Vec<Asked>>>,
) -> Result {
    let mut sending = futures_util::stream::iter(0..keeper.requests())
        .map(|place| {
            let (keeper, mut open) = (keeper.clone(), open.clone());
            async move {
                open.wait_for(|open| place * ORDERS_A_REQUEST < *open).await?;
                Ok::<_, Box<dyn std::error::Error + Send + Sync>>(keeper.send(place).await?)
            }
        })
        .buffer_unordered(AT_ONCE);
    while let Some(sent) = sending.next().await {
        asked.lock().unwrap_or_else(PoisonError::into_inner).push(sent?);
    }
    Ok(())
}
