//! A shop's later words about an order: updates and cancellations, by the order's history.

use deadpool_postgres::Transaction;
use despatch_runtime::DbError;
use tokio_postgres::Row;
use uuid::Uuid;

use super::digest;
use super::history::{History, Update};
use super::new_order::NewOrder;
use super::payment::Payment;
use super::statements;
use super::submission::{ShopCancellation, ShopRefund};

/// The consequence of a cancellation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cancelled {
    /// The order with this id is cancelled by it.
    Now(Uuid),
    /// Nothing: an earlier one cancelled the order with this id, or it came before its order, or it is older than what is
    /// known.
    Before(Option<Uuid>),
}

/// Reads a row of [`statements::HISTORY`]: the order's id, whether it was placed, and its history.
pub(crate) fn history(row: &Row) -> (Uuid, bool, History) {
    let history = History {
        digest: row.get(2),
        digest_version: row.get(3),
        updated_at: row.get(4),
        latest_digest: row.get(5),
        latest_updated_at: row.get(6),
        is_cancelled: row.get(7),
    };
    (row.get(0), row.get(1), history)
}

/// Follows an update of an order that was placed.
pub(crate) async fn update(tx: &Transaction<'_>, order: &NewOrder) -> Result<Update, DbError> {
    let known = tx.prepare_cached(statements::HISTORY).await?;
    let row = tx.query_opt(&known, &[&order.shop, &order.shop_order_id]).await?;
    let Some((_, true, history)) = row.as_ref().map(history) else { return Ok(Update::Stale) };
    let update = history.update(&order.digest, order.updated_at);
    let (shop, shop_order_id, digest) = (&order.shop, &order.shop_order_id, &order.digest[..]);
    match update {
        Update::Stale => {}
        Update::Same | Update::Changed => {
            let statement = tx.prepare_cached(statements::UPDATE).await?;
            tx.execute(&statement, &[shop, shop_order_id, &digest, &order.updated_at]).await?;
        }
        Update::Adopted => {
            let statement = tx.prepare_cached(statements::ADOPT).await?;
            tx.execute(&statement, &[shop, shop_order_id, &digest, &digest::VERSION, &order.updated_at])
                .await?;
        }
    }
    Ok(update)
}

/// Notes how an order is paid; returns whether that is news.
pub(crate) async fn pay(tx: &Transaction<'_>, payment: &Payment) -> Result<bool, DbError> {
    let statement = tx.prepare_cached(statements::PAYMENT).await?;
    let (shop, shop_order_id, digest) = (&payment.shop, &payment.shop_order_id, &payment.digest[..]);
    Ok(tx.execute(&statement, &[shop, shop_order_id, &digest]).await? == 1)
}

/// Notes a refund; returns whether that is news.
pub(crate) async fn refund(tx: &Transaction<'_>, refund: &ShopRefund) -> Result<bool, DbError> {
    let statement = tx.prepare_cached(statements::REFUND).await?;
    Ok(tx.execute(&statement, &[&refund.order_id, &refund.reference]).await? == 1)
}

/// Follows a cancellation. `id` stands for an order that is not known, and then never will be.
pub(crate) async fn cancel(
    tx: &Transaction<'_>,
    cancel: &ShopCancellation,
    id: Uuid,
) -> Result<Cancelled, DbError> {
    let (shop, cancellation) = (&cancel.shop, &cancel.cancellation);
    let (shop_order_id, at) = (&cancellation.shop_order_id, cancellation.updated_at);
    let known = tx.prepare_cached(statements::HISTORY).await?;
    let mut row = tx.query_opt(&known, &[shop, shop_order_id]).await?;
    if row.is_none() {
        let unknown = tx.prepare_cached(statements::CANCEL_UNKNOWN).await?;
        if tx.execute(&unknown, &[shop, shop_order_id, &id, &at]).await? == 1 {
            return Ok(Cancelled::Before(None));
        }
        // It was placed in between.
        row = tx.query_opt(&known, &[shop, shop_order_id]).await?;
    }
    match row.as_ref().map(history) {
        None => Ok(Cancelled::Before(None)),
        Some((_, false, _)) => {
            let again = tx.prepare_cached(statements::CANCEL_AGAIN).await?;
            tx.execute(&again, &[shop, shop_order_id, &at]).await?;
            Ok(Cancelled::Before(None))
        }
        Some((order_id, true, history)) if history.cancels(at) => {
            let statement = tx.prepare_cached(statements::CANCEL).await?;
            tx.execute(&statement, &[shop, shop_order_id, &at]).await?;
            Ok(Cancelled::Now(order_id))
        }
        Some((order_id, true, _)) => Ok(Cancelled::Before(Some(order_id))),
    }
}
