//! The timer that ends an order's reservation: set with it, taken back when it is confirmed or cancelled.

use std::time::Duration;

use despatch_contracts::stock::ReservationExpiryDue;
use despatch_runtime::{DbError, Tx};

/// Sets the order's timer, which replaces one that is set.
pub(crate) async fn set(tx: &Tx<'_>, order_id: &str, after: Duration) -> Result<(), DbError> {
    let due = ReservationExpiryDue { order_id: order_id.to_owned() };
    tx.schedule(&key(order_id), after, &due).await
}

/// Takes the order's timer back, if one is set.
pub(crate) async fn unset(tx: &Tx<'_>, order_id: &str) -> Result<(), DbError> {
    tx.unschedule(&key(order_id)).await
}

fn key(order_id: &str) -> String {
    format!("expire/{order_id}")
}
