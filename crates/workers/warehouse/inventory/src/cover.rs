//! Articles that run low, by the days for which their units last. A timer looks at all articles, page by page, so the path of an order
//! costs nothing more, and an alert also comes when a delivery is late or a threshold changes.

use std::time::Duration;

use despatch_contracts::stock::{ExpectedUnits, StockCoverDue, StockRanLow};
use despatch_runtime::{ConcurrencyKeys, DbError, Handler, Tx};

use crate::error::InventoryError;
use crate::store::{self, Articles, Awaited, Cover};
use crate::watch::Watch;

/// The pause between two looks at all articles. Units that last for days need no faster one.
const PAUSE: Duration = Duration::from_secs(900);

/// An article has enough again once it lasts for so much longer than its threshold. So a cancelled order does not end an alert that
/// the next order begins again.
const ENOUGH: f64 = 1.1;

/// For how many days articles should last, and over how many days sales are measured.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// For articles that say nothing; 0 for no alert.
    pub(crate) default_days: i64,
    pub(crate) window_days: i64,
}

/// Tells of articles that run low, each once until there are enough again.
#[derive(Debug)]
pub struct TellLow {
    pub(crate) watch: Watch,
    pub(crate) limits: Limits,
}

impl Handler for TellLow {
    const NAME: &'static str = "inventory.tell-low";
    type In = StockCoverDue;
    type Out = Vec<StockRanLow>;
    type Error = DbError;

    fn keys(&self, _: &StockCoverDue) -> ConcurrencyKeys {
        ConcurrencyKeys::none().and("watch", "cover")
    }

    async fn record(&self, event: &StockCoverDue, tx: &Tx<'_>) -> Result<Vec<StockRanLow>, DbError> {
        let page = look(tx, Articles::After(&event.after), self.limits).await?;
        let (mut told, mut low, mut recovered) = (Vec::new(), Vec::new(), Vec::new());
        for (cover, awaited, days) in &page {
            match days {
                Some(days) if is_low(cover, *days) && !cover.is_low => {
                    low.push(&*cover.sku);
                    told.push(ran_low(cover, awaited, *days));
                }
                Some(days) if !has_enough(cover, *days) => {}
                Some(_) | None if cover.is_low => recovered.push(&*cover.sku),
                Some(_) | None => {}
            }
        }
        store::note_low(tx, &low, &recovered).await?;
        let last = page.last().filter(|_| page.len() >= usize::from(store::PAGE));
        let (after, pause) =
            last.map_or((String::new(), PAUSE), |(cover, ..)| (cover.sku.clone(), Duration::ZERO));
        self.watch.schedule_cover(tx, pause, after).await?;
        Ok(told)
    }
}

/// Has a person order an article that runs low. A replay looks again.
#[derive(Debug)]
pub struct FlagLow {
    pub(crate) limits: Limits,
}

impl Handler for FlagLow {
    const NAME: &'static str = "inventory.flag-low";
    type In = StockRanLow;
    type Out = ();
    type Error = InventoryError;

    async fn record(&self, event: &StockRanLow, tx: &Tx<'_>) -> Result<(), InventoryError> {
        for (cover, awaited, days) in look(tx, Articles::One(&event.sku), self.limits).await? {
            if let Some(days) = days.filter(|days| !has_enough(&cover, *days)) {
                return Err(InventoryError::StockLow {
                    sku: cover.sku.clone(),
                    available: cover.available,
                    per_day: per_day(&cover),
                    days,
                    threshold_days: cover.threshold_days,
                    expected: awaited.iter().map(|it| it.units).sum(),
                });
            }
        }
        Ok(())
    }
}

/// Articles, what is expected of each, and for how many days each lasts; `None` if nothing of it is sold.
type Page = Vec<(Cover, Vec<Awaited>, Option<f64>)>;

async fn look(tx: &Tx<'_>, articles: Articles<'_>, limits: Limits) -> Result<Page, DbError> {
    let covers = store::covers(tx, articles, (limits.default_days, limits.window_days)).await?;
    let sold: Vec<&str> = covers.iter().filter(|it| it.sold > 0).map(|it| it.sku.as_str()).collect();
    let mut awaited = store::awaited(tx, &sold).await?;
    let page = covers.into_iter().map(|cover| {
        let awaited = awaited.remove(&cover.sku).unwrap_or_default();
        let days = days_of_cover(&cover, &awaited);
        (cover, awaited, days)
    });
    Ok(page.collect())
}

/// Returns for how many days the units last, with the deliveries that come before they are gone. A delivery whose due time has passed
/// does not count, because nobody knows when it comes. `None` if nothing is sold.
fn days_of_cover(cover: &Cover, awaited: &[Awaited]) -> Option<f64> {
    if cover.sold <= 0 {
        return None;
    }
    let days = |units: i64| float(units) / per_day(cover);
    let in_time = awaited.iter().filter(|it| it.due_in_days >= 0.0);
    let units = in_time.fold(cover.available, |units, it| {
        if it.due_in_days <= days(units) { units.saturating_add(it.units) } else { units }
    });
    Some(days(units))
}

fn per_day(cover: &Cover) -> f64 {
    float(cover.sold) / cover.window_days
}

fn is_low(cover: &Cover, days: f64) -> bool {
    days < float(cover.threshold_days)
}

fn has_enough(cover: &Cover, days: f64) -> bool {
    days >= float(cover.threshold_days) * ENOUGH
}

#[allow(clippy::cast_precision_loss, reason = "units and days are far below 2^53")]
fn float(number: i64) -> f64 {
    number as f64
}

fn ran_low(cover: &Cover, awaited: &[Awaited], days: f64) -> StockRanLow {
    let expected = |it: &Awaited| ExpectedUnits {
        delivery: it.delivery.clone(),
        due: Some(it.due.into()),
        quantity: it.units,
    };
    StockRanLow {
        sku: cover.sku.clone(),
        available: cover.available,
        per_day: per_day(cover),
        days,
        threshold_days: cover.threshold_days,
        expected: awaited.iter().map(expected).collect(),
    }
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;

    fn cover(available: i64, sold: i64) -> Cover {
        let sku = "A".to_owned();
        Cover { sku, available, sold, window_days: 10.0, threshold_days: 7, is_low: false }
    }

    fn awaited(due_in_days: f64, units: i64) -> Awaited {
        Awaited { delivery: "PO".into(), due: SystemTime::UNIX_EPOCH, due_in_days, units }
    }

    #[test]
    fn units_last_as_long_as_they_did_and_what_comes_in_time_counts() {
        let lasts = |available, sold, expected: &[Awaited]| days_of_cover(&cover(available, sold), expected);
        assert_eq!(lasts(30, 100, &[]), Some(3.0));
        assert_eq!(lasts(0, 100, &[]), Some(0.0));
        assert_eq!(lasts(30, 0, &[]), None, "nothing is sold");
        assert_eq!(lasts(30, -2, &[]), None, "more came back than was sold");
        assert_eq!(lasts(30, 100, &[awaited(2.0, 50)]), Some(8.0));
        assert_eq!(lasts(30, 100, &[awaited(4.0, 50)]), Some(3.0), "too late");
        assert_eq!(lasts(30, 100, &[awaited(-0.5, 50)]), Some(3.0), "overdue");
        assert_eq!(lasts(30, 100, &[awaited(2.0, 20), awaited(4.0, 50)]), Some(10.0), "one after the other");
    }

    #[test]
    fn an_alert_ends_only_once_there_are_clearly_enough() {
        let cover = cover(0, 1);
        assert!(is_low(&cover, 6.9) && !is_low(&cover, 7.0));
        assert!(!has_enough(&cover, 7.0) && has_enough(&cover, 7.8));
    }
}
