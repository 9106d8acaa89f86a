//! Looks a batch of submissions up in the database and notes it there, before its messages are created.

use std::collections::{HashMap, HashSet};

use deadpool_postgres::Transaction;
use despatch_contracts::{EventId, Subject, Trace};
use despatch_runtime::DbError;
use uuid::Uuid;

use super::digest;
use super::new_order::NewOrder;
use super::queue::{QueuedSubmission, Receipt};
use super::store::{self, ExistingOrder, ScanKey};
use super::submission::Submission;

/// The database's knowledge of a batch.
#[derive(Default)]
pub(crate) struct BatchLookup {
    /// Orders that are new.
    placed: HashSet<Uuid>,
    /// Existing orders, by the id that they did not get.
    known: HashMap<Uuid, ExistingOrder>,
    /// New events of changed orders and of scans.
    first: HashSet<Uuid>,
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
        }
        let changed: Vec<(&NewOrder, Uuid)> = orders
            .into_iter()
            .filter(|(order, _)| matches!(lookup.receipt_of(order), Receipt::Changed(_)))
            .collect();
        if !changed.is_empty() {
            lookup.first.extend(store::note_changed(tx, &changed).await?);
        }
        let scans: Vec<ScanKey<'_>> = batch.iter().filter_map(scan).collect();
        if !scans.is_empty() {
            lookup.first.extend(store::note_movements(tx, &scans).await?);
        }
        Ok(lookup)
    }

    pub(crate) fn receipt(&self, queued: &QueuedSubmission) -> Receipt {
        match &queued.submission {
            Submission::Order(order) => self.receipt_of(order),
            Submission::Scan(..)
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
            Some(known) if known.digest == order.digest || known.digest_version != digest::VERSION => {
                Receipt::Same(known.order_id)
            }
            Some(known) => Receipt::Changed(known.order_id),
        }
    }
}

fn order(queued: &QueuedSubmission) -> Option<(&NewOrder, Uuid)> {
    match &queued.submission {
        Submission::Order(order) => Some((order, queued.event_id.uuid())),
        _ => None,
    }
}

fn scan(queued: &QueuedSubmission) -> Option<ScanKey<'_>> {
    let (scan, order_id) = match &queued.submission {
        Submission::Scan(scan, event) => (scan, Subject::parse(&event.subject).id()),
        Submission::UnknownParcel(scan, _) => (scan, ""),
        Submission::Order(_) | Submission::Event(_) | Submission::Probe => return None,
    };
    Some(ScanKey {
        carrier: &scan.carrier,
        tracking_number: &scan.tracking_number,
        movement: scan.movement.as_str(),
        order_id,
        event_id: queued.event_id.uuid(),
    })
}
