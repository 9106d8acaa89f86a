//! `exceptions.close`: an order that was cancelled from a case has nothing left to mend there.

use despatch_contracts::order::OrderCancelled;
use despatch_runtime::{DbError, Handler, Tx};

use super::store;

/// Resolves the cases from which somebody asked for the cancellation.
pub(crate) struct Close;

impl Handler for Close {
    const NAME: &'static str = "exceptions.close";
    type In = OrderCancelled;
    type Out = ();
    type Error = DbError;

    async fn record(&self, cancelled: &OrderCancelled, tx: &Tx<'_>) -> Result<(), DbError> {
        store::order_cancelled(tx, &cancelled.order_id, Self::NAME).await
    }
}
