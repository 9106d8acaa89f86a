//! The auditor: reads all workers' tables of one deployment.

use std::collections::{BTreeMap, BTreeSet};

use despatch_contracts::Subject;
use despatch_order_files::FileOrder;
use despatch_runtime::{Backlog, Database, DbError, DeadEvent, backlog};
use despatch_sandbox::OrderCounts;

use super::discrepancy::Discrepancy;
use super::expected::Expected;
use super::progress::Progress;
use super::totals::Totals;
use super::{checks, record, stock, stock_requests, totals};
use crate::due::due_at_stripe;
use crate::shopify::History;
use crate::stock_keeper::Outcome;

/// Reads the records of a deployment's workers.
#[derive(Debug, Clone)]
pub struct Auditor {
    database: Database,
    workers: Vec<&'static str>,
    /// Whether some orders are paid in other ways than at Stripe, too.
    mixes: bool,
}

/// An order that was answered 2xx.
#[derive(Debug, Clone, Copy)]
pub struct PlacedOrder<'a> {
    /// The id in the answer.
    pub order_id: &'a str,
    /// The order.
    pub order: &'a FileOrder,
    /// The shop's words, if the shop went on to change it.
    pub history: Option<&'a History>,
}

impl Auditor {
    /// Creates an auditor of these workers, which share a database.
    pub fn new(database: Database, workers: Vec<&'static str>) -> Self {
        Auditor { database, workers, mixes: false }
    }

    /// Expects at Stripe what [`due_at_stripe`] says, as a checkout that mixes tenders leaves it.
    #[must_use]
    pub fn mixing_tenders(self) -> Self {
        Auditor { mixes: true, ..self }
    }

    /// Returns each worker's backlog, by its name.
    pub async fn backlogs(&self) -> Result<Vec<(&'static str, Backlog)>, DbError> {
        let mut backlogs = Vec::with_capacity(self.workers.len());
        for worker in &self.workers {
            backlogs.push((*worker, backlog(&self.database, worker, None).await?));
        }
        Ok(backlogs)
    }

    /// Returns dead letters by order. Leaves out orders that ended in spite of one.
    pub async fn dead_orders(&self) -> Result<BTreeMap<String, Vec<DeadEvent>>, DbError> {
        let mut dead: BTreeMap<String, Vec<DeadEvent>> = BTreeMap::new();
        for letter in self.dead_letters().await? {
            dead.entry(Subject::parse(&letter.subject).id().to_owned()).or_default().push(letter);
        }
        let orders: Vec<&str> = dead.keys().map(String::as_str).collect();
        let ended: BTreeSet<String> = self
            .database
            .client()
            .await?
            .query(
                "select order_id from orders.progress where order_id = any($1) and state in ('completed', 'cancelled', 'returned')",
                &[&orders],
            )
            .await?
            .iter()
            .map(|row| row.get(0))
            .collect();
        dead.retain(|order, _| !ended.contains(order));
        Ok(dead)
    }

    /// Returns the progress of all orders.
    pub async fn progress(&self) -> Result<Progress, DbError> {
        let client = self.database.client().await?;
        let counts = despatch_orders::store::counts_by_state(&**client).await?;
        let unpaid = "select count(*) from orders.unpaid";
        let unpaid: i64 = client.query_one(unpaid, &[]).await?.get(0);
        drop(client);
        Ok(Progress::new(counts, self.dead_orders().await?.len(), unpaid))
    }

    /// Returns the sums over all orders.
    pub async fn totals(&self) -> Result<Totals, DbError> {
        totals::read(&self.database).await
    }

    /// Returns everything that does not add up. `seen` are the providers' effects, by their name of the order.
    pub async fn audit(
        &self,
        seen: &BTreeMap<String, OrderCounts>,
        placed: &[PlacedOrder<'_>],
    ) -> Result<Vec<Discrepancy>, DbError> {
        let mut records = record::all(&self.database, self.dead_letters().await?).await?;
        let mut found = stock::check(&self.database).await?;
        for PlacedOrder { order_id, order, history } in placed {
            let record = records.remove(*order_id).unwrap_or_default();
            let (name, expected) = if let Some(history) = history {
                (history.shop_order_id.clone(), Expected::of_shop(history))
            } else {
                let due = if self.mixes { due_at_stripe(order) } else { order.total_minor };
                (format!("{}/{}", order.shop, order.shop_order_id), Expected::of_file(order, due))
            };
            // Checkout authorises before there is an order id, so Stripe knows the order by the shop's number.
            let nothing = OrderCounts::default();
            let paid = seen.get(&name).unwrap_or(&nothing);
            let sent = seen.get(*order_id).unwrap_or(&nothing);
            let about = format!("order {order_id} ({name})");
            let wrong = checks::all(&expected, &record, paid, sent);
            found.extend(wrong.into_iter().map(|wrong| Discrepancy { about: about.clone(), wrong }));
        }
        // A dead letter of the gateway may concern no order.
        records.retain(|_, record| record.state.is_some());
        found.extend(records.into_keys().map(|order_id| Discrepancy {
            about: format!("order {order_id}"),
            wrong: "expected an order that was placed, found one that was not".to_owned(),
        }));
        Ok(found)
    }

    /// Returns everything that does not add up between the outcomes of requests about stock and the ledger. `outcomes` are those of all
    /// requests that anybody sent.
    pub async fn audit_stock_requests(&self, outcomes: &[Outcome]) -> Result<Vec<Discrepancy>, DbError> {
        Ok(stock_requests::findings(outcomes, &stock::ledger(&self.database).await?))
    }

    /// Returns the units that counts took from orders, and how many orders still lack some of them.
    pub async fn taken_by_counts(&self) -> Result<(i64, i64), DbError> {
        stock::taken_by_counts(&self.database).await
    }

    async fn dead_letters(&self) -> Result<Vec<DeadEvent>, DbError> {
        Ok(self.backlogs().await?.into_iter().flat_map(|(_, backlog)| backlog.dead).collect())
    }
}
