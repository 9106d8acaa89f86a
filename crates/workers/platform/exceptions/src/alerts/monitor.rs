//! `exceptions.monitor`: raises alerts about a queue past its service level, a reason that was never seen before, and a
//! sudden rise. There is one alert for each cause, however many cases it has. A cause alerts again only after it was over.

use std::time::Duration;

use despatch_contracts::alert::{AlertRaised, Fact};
use despatch_contracts::exception::MonitorDue;
use despatch_runtime::{ConcurrencyKeys, DbError, Handler, Timer, Tx};

use super::store::{self, Overdue, Rise};

/// The key of the timer.
const TIMER: &str = "monitor";

/// After this many intervals without a run, the timer is taken to be lost and is set again.
const STALE_AFTER: u32 = 10;

/// Runs at an interval, by a durable timer.
pub(crate) struct Monitor {
    pub(crate) monitor_due: Timer<MonitorDue>,
    pub(crate) every: Duration,
}

/// Sets the monitor's timer unless the monitor runs already.
pub(crate) async fn ensure_scheduled(
    tx: &Tx<'_>,
    monitor_due: Timer<MonitorDue>,
    every: Duration,
) -> Result<(), DbError> {
    if store::take_stale_monitor(tx, every * STALE_AFTER).await? {
        tx.schedule(monitor_due, TIMER, every, &MonitorDue {}).await?;
    }
    Ok(())
}

impl Handler for Monitor {
    const NAME: &'static str = "exceptions.monitor";
    type In = MonitorDue;
    type Out = Vec<AlertRaised>;
    type Error = DbError;

    fn keys(&self, _: &MonitorDue) -> ConcurrencyKeys {
        ConcurrencyKeys::none().and("monitor", "")
    }

    async fn record(&self, _: &MonitorDue, tx: &Tx<'_>) -> Result<Vec<AlertRaised>, DbError> {
        let mut alerts = Vec::new();
        alerts.extend(store::overdue_queues(tx).await?.iter().map(overdue));
        alerts.extend(store::sudden_rises(tx).await?.iter().map(rise));
        let holding: Vec<&str> = alerts.iter().map(|alert: &AlertRaised| alert.cause.as_str()).collect();
        let new = store::record_causes(tx, &holding).await?;
        alerts.retain(|alert| new.contains(&alert.cause));
        alerts.extend(store::record_new_reasons(tx).await?.iter().map(|reason| new_reason(reason)));
        tx.schedule(self.monitor_due, TIMER, self.every, &MonitorDue {}).await?;
        Ok(alerts)
    }
}

fn overdue(Overdue { queue, cases, longest_minutes }: &Overdue) -> AlertRaised {
    AlertRaised {
        cause: format!("overdue/{queue}"),
        title: format!("{queue}: {cases} cases past their service level"),
        facts: facts([
            ("longest overdue", format!("{longest_minutes} minutes")),
            ("look", format!("despatch exceptions list --queue {queue}")),
        ]),
    }
}

fn rise(Rise { reason, failures, usual }: &Rise) -> AlertRaised {
    AlertRaised {
        cause: format!("rise/{reason}"),
        title: format!("{reason}: {failures} events failed in ten minutes"),
        facts: facts([
            ("usual in ten minutes", format!("{usual:.1}")),
            ("look", format!("despatch exceptions list --reason {reason}")),
            ("what to do", page(reason)),
        ]),
    }
}

fn new_reason(reason: &str) -> AlertRaised {
    AlertRaised {
        cause: format!("new/{reason}"),
        title: format!("{reason}: failed for the first time"),
        facts: facts([
            ("look", format!("despatch exceptions list --reason {reason}")),
            ("what to do", page(reason)),
        ]),
    }
}

/// The path of a reason's page, from the repository's root.
fn page(reason: &str) -> String {
    format!("docs/exceptions/{reason}.md")
}

fn facts<const N: usize>(facts: [(&str, String); N]) -> Vec<Fact> {
    facts.into_iter().map(|(name, value)| Fact { name: name.to_owned(), value }).collect()
}
