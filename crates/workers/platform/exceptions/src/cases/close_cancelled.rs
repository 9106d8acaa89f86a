//! `exceptions.close-cancelled`: a cancelled order leaves nothing to do about the events that carried it forward.

use despatch_contracts::order::OrderCancelled;
use despatch_runtime::{DbError, Handler, Tx};

use super::store;

/// Resolves the cases of a cancelled order that end with it, and those from which a person requested its cancellation. A
/// dead letter that comes later finds the cancellation recorded, and its case is resolved at once.
pub(crate) struct CloseCancelled;

impl Handler for CloseCancelled {
    const NAME: &'static str = "exceptions.close-cancelled";
    type In = OrderCancelled;
    type Out = ();
    type Error = DbError;

    async fn record(&self, cancelled: &OrderCancelled, tx: &Tx<'_>) -> Result<(), DbError> {
        store::record_order_cancelled(tx, &cancelled.order_id, Self::NAME).await
    }
}
