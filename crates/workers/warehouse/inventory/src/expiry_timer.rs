//! The timer that ends an order's reservation. It is set with the reservation and removed when that is confirmed or
//! cancelled.

use std::time::Duration;

use despatch_contracts::stock::ReservationExpiryDue;
use despatch_runtime::{DbError, Timer, Tx};

/// Sets the order's timer, in place of an earlier one.
pub(crate) async fn set(
    tx: &Tx<'_>,
    timer: Timer<ReservationExpiryDue>,
    order_id: &str,
    after: Duration,
) -> Result<(), DbError> {
    let due = ReservationExpiryDue { order_id: order_id.to_owned() };
    tx.schedule(timer, &key(order_id), after, &due).await
}

/// Removes the order's timer, if any.
pub(crate) async fn unset(tx: &Tx<'_>, order_id: &str) -> Result<(), DbError> {
    tx.unschedule(&key(order_id)).await
}

fn key(order_id: &str) -> String {
    format!("expire/{order_id}")
}
