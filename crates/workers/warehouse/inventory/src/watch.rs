//! Timers over the whole stock: one tells which levels changed, one closes the days that are over, one compares the counters with
//! the ledger, one looks which articles run low. The first receipt sets them, and each run sets the next.

use std::time::Duration;

use despatch_contracts::stock::{
    Level, StockCheckDue, StockClosingDue, StockCoverDue, StockLevelChanged, StockLevelDue,
};
use despatch_runtime::{ConcurrencyKeys, DbError, Handler, Timer, Tx};

use crate::store;

/// How long changes of a SKU are collected before they are told.
const COALESCED: Duration = Duration::from_secs(5);

/// The pause after a run that found nothing to tell.
const IDLE: Duration = Duration::from_secs(30);

/// The pause between two checks of some SKUs.
const CHECK: Duration = Duration::from_secs(60);

/// After so long without a run, the timers are taken to be lost and are set again.
const STALE: Duration = Duration::from_secs(600);

/// The right to set the timers.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Watch {
    pub(crate) levels: Timer<StockLevelDue>,
    pub(crate) closing: Timer<StockClosingDue>,
    pub(crate) check: Timer<StockCheckDue>,
    pub(crate) cover: Timer<StockCoverDue>,
}

impl Watch {
    /// Sets the timers, unless they run already.
    pub(crate) async fn ensure_scheduled(self, tx: &Tx<'_>) -> Result<(), DbError> {
        if store::take_stale_watch(tx, STALE).await? {
            self.schedule_levels(tx, COALESCED).await?;
            self.schedule_closing(tx, Duration::ZERO).await?;
            self.schedule_check(tx).await?;
            self.schedule_cover(tx, Duration::ZERO, String::new()).await?;
        }
        Ok(())
    }

    async fn schedule_levels(self, tx: &Tx<'_>, after: Duration) -> Result<(), DbError> {
        tx.schedule(self.levels, "levels", after, &StockLevelDue {}).await
    }

    async fn schedule_closing(self, tx: &Tx<'_>, after: Duration) -> Result<(), DbError> {
        tx.schedule(self.closing, "closing", after, &StockClosingDue {}).await
    }

    async fn schedule_check(self, tx: &Tx<'_>) -> Result<(), DbError> {
        tx.schedule(self.check, "check", CHECK, &StockCheckDue {}).await
    }

    /// Sets the timer of the next look at articles, which begins after this SKU.
    pub(crate) async fn schedule_cover(
        self,
        tx: &Tx<'_>,
        pause: Duration,
        after: String,
    ) -> Result<(), DbError> {
        tx.schedule(self.cover, "cover", pause, &StockCoverDue { after }).await
    }
}

/// Tells of SKUs whose units that can be sold changed.
#[derive(Debug)]
pub struct TellLevels(pub(crate) Watch);

impl Handler for TellLevels {
    const NAME: &'static str = "inventory.tell-levels";
    type In = StockLevelDue;
    type Out = Vec<StockLevelChanged>;
    type Error = DbError;

    fn keys(&self, _: &StockLevelDue) -> ConcurrencyKeys {
        ConcurrencyKeys::none().and("watch", "levels")
    }

    async fn record(&self, _: &StockLevelDue, tx: &Tx<'_>) -> Result<Vec<StockLevelChanged>, DbError> {
        let (levels, has_more) = store::changed_levels(tx).await?;
        let mut changed: Vec<StockLevelChanged> = Vec::new();
        for store::Level { sku, location, available } in levels {
            if changed.last().is_none_or(|last| last.sku != sku) {
                changed.push(StockLevelChanged { sku, levels: Vec::new() });
            }
            if let Some(last) = changed.last_mut() {
                last.levels.push(Level { location, available });
            }
        }
        let pause = match (has_more, changed.is_empty()) {
            (true, _) => Duration::ZERO,
            (false, true) => IDLE,
            (false, false) => COALESCED,
        };
        self.0.schedule_levels(tx, pause).await?;
        Ok(changed)
    }
}

/// Closes days, so that recomputing the ledger does not take longer each day.
#[derive(Debug)]
pub struct CloseDays(pub(crate) Watch);

impl Handler for CloseDays {
    const NAME: &'static str = "inventory.close-days";
    type In = StockClosingDue;
    type Out = ();
    type Error = DbError;

    fn keys(&self, _: &StockClosingDue) -> ConcurrencyKeys {
        ConcurrencyKeys::none().and("watch", "closing")
    }

    async fn record(&self, _: &StockClosingDue, tx: &Tx<'_>) -> Result<(), DbError> {
        let next = store::close_day(tx).await?;
        self.0.schedule_closing(tx, next).await
    }
}

/// Compares the counters of some SKUs with the ledger, round after round. The gauge `despatch.unbalanced_positions` has the result.
#[derive(Debug)]
pub struct CheckLedger(pub(crate) Watch);

impl Handler for CheckLedger {
    const NAME: &'static str = "inventory.check-ledger";
    type In = StockCheckDue;
    type Out = ();
    type Error = DbError;

    fn keys(&self, _: &StockCheckDue) -> ConcurrencyKeys {
        ConcurrencyKeys::none().and("watch", "check")
    }

    async fn record(&self, _: &StockCheckDue, tx: &Tx<'_>) -> Result<(), DbError> {
        store::check_next(tx).await?;
        self.0.schedule_check(tx).await
    }
}
