//! `exceptions.close-cancelled`: an order that was cancelled from a case leaves nothing to fix there.

use despatch_contracts::Subject;
use despatch_contracts::order::OrderCancelled;
use despatch_runtime::{DbError, Handler, Tx};

use super::store;

/// Resolves the cases from which a person requested the order's cancellation.
pub(crate) struct CloseCancelled;

impl Handler for CloseCancelled {
    const NAME: &'static str = "exceptions.close-cancelled";
    type In = OrderCancelled;
    type Out = ();
    type Error = DbError;

    async fn record(&self, cancelled: &OrderCancelled, tx: &Tx<'_>) -> Result<(), DbError> {
        store::record_order_cancelled(tx, Subject::order(&cancelled.order_id), Self::NAME).await
    }
}
