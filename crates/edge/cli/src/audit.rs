//! The audit of a site whose workers have come to rest: what was ordered against what the workers recorded and what the
//! providers saw, order by order. The demo balances its books by it, and the chaos harness judges by it what it broke.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use despatch_order_files::FileOrder;
use despatch_orders::State;
use despatch_runtime::{Backlog, Database, DbError, DeadEvent, backlog};
use despatch_sandbox::OrderCounts;

use crate::{Outcome, registry};

mod checks;
mod record;

use record::Record;

/// How far all orders are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Progress {
    by_state: BTreeMap<&'static str, usize>,
    past_labels: usize,
    completed: usize,
    /// Orders that a dead letter ended.
    dead: usize,
}

impl Progress {
    /// Asks the workers' tables.
    pub async fn of(database: &Database) -> Outcome<Self> {
        let client = database.client().await?;
        let counts = despatch_orders::store::counts_by_state(&**client).await?;
        drop(client);
        let mut progress = Progress { dead: dead_orders(database).await?.len(), ..Progress::default() };
        for (state, count) in counts {
            let count = usize::try_from(count)?;
            progress.by_state.insert(state.name(), count);
            match state {
                State::Accepted | State::Reserved | State::Paid | State::Picked => {}
                State::Labelled | State::Despatched | State::Delivered => progress.past_labels += count,
                // An order that was called off or came back has come to its end too.
                State::Completed | State::Cancelled | State::Returned => progress.completed += count,
            }
        }
        Ok(progress)
    }

    /// Orders that hold up no label any more.
    pub fn past_labels(&self) -> usize {
        self.past_labels + self.ended()
    }

    /// Orders that went all their way.
    pub fn completed(&self) -> usize {
        self.completed
    }

    /// Orders that have come to their end, good or bad.
    pub fn ended(&self) -> usize {
        self.completed + self.dead
    }
}

impl fmt::Display for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for state in State::ALL {
            if let Some(count) = self.by_state.get(state.name()) {
                write!(f, "{} {count}  ", state.name())?;
            }
        }
        if self.dead > 0 { write!(f, "dead-lettered {}", self.dead) } else { Ok(()) }
    }
}

/// What every worker has not settled, by its name.
pub async fn backlogs(database: &Database) -> Result<Vec<(&'static str, Backlog)>, DbError> {
    let mut backlogs = Vec::with_capacity(registry::NAMES.len());
    for worker in registry::NAMES {
        backlogs.push((*worker, backlog(database, worker, None).await?));
    }
    Ok(backlogs)
}

/// DeadEvent letters of orders that did not complete all the same, by order.
pub(crate) async fn dead_orders(database: &Database) -> Result<BTreeMap<String, Vec<DeadEvent>>, DbError> {
    let mut dead: BTreeMap<String, Vec<DeadEvent>> = BTreeMap::new();
    for letter in backlogs(database).await?.into_iter().flat_map(|(_, backlog)| backlog.dead) {
        dead.entry(letter.order_id.clone()).or_default().push(letter);
    }
    let orders: Vec<&str> = dead.keys().map(String::as_str).collect();
    let completed: BTreeSet<String> = database
        .client()
        .await?
        .query(
            "select order_id from orders.progress where order_id = any($1) and state = 'completed'",
            &[&orders],
        )
        .await?
        .iter()
        .map(|row| row.get(0))
        .collect();
    dead.retain(|order, _| !completed.contains(order));
    Ok(dead)
}

/// An order that was answered 2xx.
#[derive(Debug, Clone, Copy)]
pub struct Placed<'a> {
    /// The id that the answer named.
    pub order_id: &'a str,
    /// What was ordered.
    pub basket: &'a FileOrder,
}

/// Something that must not be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Discrepancy {
    /// The order, or the position of the stock, or what else it is about.
    pub about: String,
    /// What is wrong with it.
    pub wrong: String,
}

impl fmt::Display for Discrepancy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.about, self.wrong)
    }
}

/// Handlers whose dead letter means that nothing was captured, and those that nothing was reserved.
pub(crate) const BEFORE_CAPTURE: [&str; 3] = ["orders.accept", "inventory.reserve", "payments.capture"];
pub(crate) const BEFORE_RESERVATION: [&str; 2] = ["orders.accept", "inventory.reserve"];

/// Everything that does not add up. `seen` is what the providers saw, by what they know an order as.
pub async fn audit(
    database: &Database,
    seen: &BTreeMap<String, OrderCounts>,
    placed: &[Placed<'_>],
) -> Outcome<Vec<Discrepancy>> {
    let mut records = record::all(database).await?;
    let mut found = record::stock(database).await?;
    for Placed { order_id, basket } in placed {
        let record = records.remove(*order_id).unwrap_or_default();
        // Checkout authorises before there is an order id, so Stripe knows the order by the shop's number.
        let nothing = OrderCounts::default();
        let paid = seen.get(&format!("{}/{}", basket.shop, basket.shop_order_id)).unwrap_or(&nothing);
        let sent = seen.get(*order_id).unwrap_or(&nothing);
        let about = format!("order {order_id} ({}/{})", basket.shop, basket.shop_order_id);
        let wrong = checks::all(basket, &record, paid, sent);
        found.extend(wrong.into_iter().map(|wrong| Discrepancy { about: about.clone(), wrong }));
    }
    // What the gateway dead-letters may be about no order at all.
    records.retain(|_, record| record.state.is_some());
    found.extend(records.into_keys().map(|order_id| Discrepancy {
        about: format!("order {order_id}"),
        wrong: "the workers know it, but nobody placed it".to_owned(),
    }));
    Ok(found)
}
