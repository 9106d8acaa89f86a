//! `exceptions.watch`: tells operators of a queue past its service level, a reason that was never seen before, and a
//! sudden rise. One alert for each cause, however many cases it has; again only after it was over.

use std::time::Duration;

use despatch_contracts::alert::{AlertRaised, Fact};
use despatch_contracts::exception::WatchDue;
use despatch_runtime::{ConcurrencyKeys, DbError, Handler, Tx};

use super::store::{self as alarms, Overdue, Rise};

/// The key of the timer.
const TIMER: &str = "watch";

/// So many times the usual interval without a look mean that nobody watches.
const ASLEEP: u32 = 10;

/// Looks over queues and reasons, again and again.
pub(crate) struct Watch {
    pub(crate) every: Duration,
}

/// Has somebody watch from now on, unless somebody does.
pub(crate) async fn awake(tx: &Tx<'_>, every: Duration) -> Result<(), DbError> {
    if alarms::wake(tx, every * ASLEEP).await? {
        tx.schedule(TIMER, every, &WatchDue {}).await?;
    }
    Ok(())
}

impl Handler for Watch {
    const NAME: &'static str = "exceptions.watch";
    type In = WatchDue;
    type Out = Vec<AlertRaised>;
    type Error = DbError;

    fn keys(&self, _: &WatchDue) -> ConcurrencyKeys {
        ConcurrencyKeys::none().and("watch", "")
    }

    async fn record(&self, _: &WatchDue, tx: &Tx<'_>) -> Result<Vec<AlertRaised>, DbError> {
        let mut found = Vec::new();
        found.extend(alarms::overdue(tx).await?.iter().map(overdue));
        found.extend(alarms::rises(tx).await?.iter().map(rise));
        let lasting: Vec<&str> = found.iter().map(|alert: &AlertRaised| alert.cause.as_str()).collect();
        let raised = alarms::raise(tx, &lasting).await?;
        found.retain(|alert| raised.contains(&alert.cause));
        found.extend(alarms::new_reasons(tx).await?.iter().map(|reason| new_reason(reason)));
        tx.schedule(TIMER, self.every, &WatchDue {}).await?;
        Ok(found)
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

/// Where the reason's page is, from the repository's root.
fn page(reason: &str) -> String {
    format!("docs/exceptions/{reason}.md")
}

fn facts<const N: usize>(facts: [(&str, String); N]) -> Vec<Fact> {
    facts.into_iter().map(|(name, value)| Fact { name: name.to_owned(), value }).collect()
}
