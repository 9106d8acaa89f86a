//! Looks a batch of submissions up in the database and notes it there, before its messages are created.

use std::collections::{HashMap, HashSet};

use deadpool_postgres::Transaction;
use despatch_contracts::{EventId, Subject, Trace};
use despatch_runtime::DbError;
use uuid::Uuid;

use super::digest;
use super::history::Update;
use super::kept::KeptWebhook;
use super::new_order::NewOrder;
use super::queue::{QueuedSubmission, Receipt};
use super::shop_words::{self, Cancelled};
use super::stock_requests;
use super::store::{self, ExistingOrder, ScanKey};
use super::submission::Submission;
use crate::sources::stock_json::StockCommand;

/// The database's knowledge of a batch.
#[derive(Default)]
pub(crate) struct BatchLookup {
    /// Orders that are new.
    placed: HashSet<Uuid>,
    /// Existing orders, by the id that they did not get.
    known: HashMap<Uuid, ExistingOrder>,
    /// New events of changed orders, of scans, of requests about stock, and of what shops say later.
    first: HashSet<Uuid>,
    /// The events of requests whose id came before with other contents.
    changed_requests: HashSet<Uuid>,
    /// The receipts of what shops say later, by their event.
    followed: HashMap<Uuid, Receipt>,
    /// The beginnings of the traces of the orders that other submissions are about.
    traces: HashMap<Uuid, Trace>,
}

impl BatchLookup {
    /// Looks the batch up and notes the new submissions. Each set is one statement.
    pub(crate) async fn of(tx: &Transaction<'_>, batch: &[QueuedSubmission]) -> Result<Self, DbError> {
        let mut lookup = BatchLookup::default();
        let orders: Vec<(&NewOrder, Uuid)> = batch.iter().filter_map(order).collect();
        if !orders.is_empty() {
            let new_orders: Vec<&NewOrder> = orders.iter().map(|(order, _)| *order).collect();
            let placing = batch.iter().filter(|queued| order(queued).is_some());
            let traceparents: Vec<String> = placing.map(|queued| queued.trace.to_string()).collect();
            lookup.placed = store::place(tx, &new_orders, &traceparents).await?;
        }
        let later: Vec<Uuid> = batch.iter().filter_map(|queued| queued.submission.about()).collect();
        if !later.is_empty() {
            lookup.traces = store::traces(tx, &later).await?;
        }
        let again: Vec<&NewOrder> = orders
            .iter()
            .map(|(order, _)| *order)
            .filter(|order| !lookup.placed.contains(&order.order_id))
            .collect();
        if !again.is_empty() {
            lookup.known = store::existing(tx, &again).await?;
            lookup.revive(tx, batch).await?;
        }
        let changed: Vec<(&NewOrder, Uuid)> = batch
            .iter()
            .filter(|queued| matches!(queued.submission, Submission::Order(_)))
            .filter_map(order)
            .filter(|(order, _)| matches!(lookup.receipt_of(order), Receipt::Changed(_)))
            .collect();
        if !changed.is_empty() {
            lookup.first.extend(store::note_changed(tx, &changed).await?);
        }
        let scans: Vec<ScanKey<'_>> = batch.iter().filter_map(scan).collect();
        if !scans.is_empty() {
            lookup.first.extend(store::note_movements(tx, &scans).await?);
        }
        let kept: Vec<(&KeptWebhook, Uuid)> = batch.iter().filter_map(kept).collect();
        if !kept.is_empty() {
            lookup.first.extend(store::keep(tx, &kept).await?);
        }
        let requests: Vec<(&StockCommand, Uuid)> = batch.iter().filter_map(request).collect();
        if !requests.is_empty() {
            let noted = stock_requests::note(tx, &requests).await?;
            lookup.first.extend(noted.first);
            lookup.changed_requests = noted.changed;
        }
        lookup.follow(tx, batch).await?;
        Ok(lookup)
    }

    /// Places orders whose cancellation came before them and was taken back.
    async fn revive(&mut self, tx: &Transaction<'_>, batch: &[QueuedSubmission]) -> Result<(), DbError> {
        for queued in batch {
            let Some((order, _)) = order(queued) else { continue };
            if self.known.get(&order.order_id).is_some_and(|known| known.is_revived_by(order))
                && store::revive(tx, order, &queued.trace.to_string()).await?
            {
                self.known.remove(&order.order_id);
                self.placed.insert(order.order_id);
            }
        }
        Ok(())
    }

    /// Follows what shops say of orders that they placed. Each is a few statements, because such a webhook comes alone. They
    /// are sorted, as the orders are, so that two gateways cannot deadlock.
    async fn follow(&mut self, tx: &Transaction<'_>, batch: &[QueuedSubmission]) -> Result<(), DbError> {
        let mut later: Vec<(&str, &str, &QueuedSubmission)> = batch
            .iter()
            .filter_map(|queued| match &queued.submission {
                Submission::Update(order) => Some((&*order.shop, &*order.shop_order_id, queued)),
                Submission::Payment(it) => Some((&*it.shop, &*it.shop_order_id, queued)),
                Submission::Refund(it) => Some((&*it.shop, &*it.shop_order_id, queued)),
                Submission::Cancel(it) => Some((&*it.shop, &*it.cancellation.shop_order_id, queued)),
                _ => None,
            })
            .collect();
        later.sort_by_key(|(shop, shop_order_id, _)| (*shop, *shop_order_id));
        for (_, _, queued) in later {
            let id = queued.event_id.uuid();
            let (receipt, is_news) = match &queued.submission {
                Submission::Update(order) => match shop_words::update(tx, order).await? {
                    Update::Changed => (Receipt::Changed(order.order_id), true),
                    Update::Stale | Update::Same | Update::Adopted => (Receipt::Same(order.order_id), false),
                },
                Submission::Payment(payment) => (Receipt::Noted, shop_words::pay(tx, payment).await?),
                Submission::Refund(refund) => (Receipt::Noted, shop_words::refund(tx, refund).await?),
                Submission::Cancel(cancel) => match shop_words::cancel(tx, cancel, id).await? {
                    Cancelled::Now(order_id) => {
                        self.traces.extend(store::traces(tx, &[order_id]).await?);
                        (Receipt::Cancelled(order_id), true)
                    }
                    Cancelled::Before(Some(order_id)) => (Receipt::Cancelled(order_id), false),
                    Cancelled::Before(None) => (Receipt::Noted, false),
                },
                _ => continue,
            };
            self.followed.insert(id, receipt);
            if is_news {
                self.first.insert(id);
            }
        }
        Ok(())
    }

    pub(crate) fn receipt(&self, queued: &QueuedSubmission) -> Receipt {
        match &queued.submission {
            Submission::Order(order) | Submission::ShopOrder(order) => self.receipt_of(order),
            Submission::Update(_) | Submission::Cancel(_) => {
                self.followed.get(&queued.event_id.uuid()).copied().unwrap_or(Receipt::Noted)
            }
            Submission::Stock(_) if self.changed_requests.contains(&queued.event_id.uuid()) => {
                Receipt::RequestChanged
            }
            Submission::Stock(_)
            | Submission::Payment(_)
            | Submission::Refund(_)
            | Submission::Kept(_)
            | Submission::Scan(..)
            | Submission::UnknownParcel(..)
            | Submission::Event(_)
            | Submission::Probe => Receipt::Noted,
        }
    }

    /// Returns whether this event is the first about its changed order, or about its scan.
    pub(crate) fn is_first(&self, event_id: EventId) -> bool {
        self.first.contains(&event_id.uuid())
    }

    /// Returns the beginning of a known order's trace.
    pub(crate) fn trace_of(&self, order_id: Uuid) -> Option<&Trace> {
        self.traces.get(&order_id)
    }

    fn receipt_of(&self, order: &NewOrder) -> Receipt {
        match self.known.get(&order.order_id) {
            // Rows are never deleted, so the existing order can be found.
            None => Receipt::Placed(order.order_id),
            Some(known) if !known.is_placed => Receipt::Cancelled(known.order_id),
            Some(known) if known.digest == order.digest || known.digest_version != digest::VERSION => {
                Receipt::Same(known.order_id)
            }
            Some(known) => Receipt::Changed(known.order_id),
        }
    }
}

fn order(queued: &QueuedSubmission) -> Option<(&NewOrder, Uuid)> {
    match &queued.submission {
        Submission::Order(order) | Submission::ShopOrder(order) => Some((order, queued.event_id.uuid())),
        _ => None,
    }
}

fn kept(queued: &QueuedSubmission) -> Option<(&KeptWebhook, Uuid)> {
    match &queued.submission {
        Submission::Kept(webhook) => Some((webhook, queued.event_id.uuid())),
        _ => None,
    }
}

fn request(queued: &QueuedSubmission) -> Option<(&StockCommand, Uuid)> {
    match &queued.submission {
        Submission::Stock(command) => Some((command, queued.event_id.uuid())),
        _ => None,
    }
}

fn scan(queued: &QueuedSubmission) -> Option<ScanKey<'_>> {
    let (scan, order_id) = match &queued.submission {
        Submission::Scan(scan, event) => (scan, Subject::parse(&event.subject).id()),
        Submission::UnknownParcel(scan, _) => (scan, ""),
        _ => return None,
    };
    Some(ScanKey {
        carrier: &scan.carrier,
        tracking_number: &scan.tracking_number,
        movement: scan.movement.as_str(),
        order_id,
        event_id: queued.event_id.uuid(),
    })
}
