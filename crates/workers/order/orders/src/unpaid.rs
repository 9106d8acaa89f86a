//! Orders whose customers have yet to pay: they wait for the shop's word, without a mail, without stock and without a case.

use despatch_contracts::order::{Order, PaymentDue, Tender, TenderState};
use despatch_contracts::tender;
use despatch_runtime::{DbError, Timer, Tx};

use crate::moved::{self, Moved};
use crate::store::{self, Unpaid};

/// Returns whether the order waits for its customer's payment. Money that the carrier collects is not waited for.
pub(crate) fn is_unpaid(order: &Order) -> bool {
    order.tenders.iter().any(is_pending)
}

/// Returns whether the money of this tender is waited for.
pub(crate) fn is_pending(tender: &Tender) -> bool {
    tender.state() == TenderState::Pending && tender.provider != tender::CASH_ON_DELIVERY
}

/// Keeps an order until it is paid.
pub(crate) async fn wait(tx: &Tx<'_>, timer: Timer<PaymentDue>, order: &Order) -> Result<(), DbError> {
    if store::keep_unpaid(tx, order).await? {
        let due = PaymentDue { order_id: order.order_id.clone() };
        tx.schedule(timer, &key(&order.order_id), store::PAID_WITHIN, &due).await?;
    }
    Ok(())
}

/// Returns an order that waits as its shop has it by now. The shop's word of its payment comes as an event of its own.
pub(crate) fn newest(waiting: Unpaid, newer: &Order) -> (Order, Option<Moved>) {
    let (ship_to, moved) = moved::address(&waiting.order, waiting.moved, newer);
    let placed_at = newer.placed_at.or(waiting.order.placed_at);
    (Order { ship_to, placed_at, tenders: waiting.order.tenders, ..newer.clone() }, moved)
}

/// Removes the timer of an order that is waited for no longer.
pub(crate) async fn stop_waiting(tx: &Tx<'_>, order_id: &str) -> Result<(), DbError> {
    tx.unschedule(&key(order_id)).await
}

fn key(order_id: &str) -> String {
    format!("payment/{order_id}")
}
