//! `exceptions.close`: an order that was cancelled from a case has nothing left to mend there.

use despatch_contracts::order::OrderCancelled;
use despatch_runtime::{DbError, Fault, Handler, Tx, Verdict};

use crate::store;

/// Resolves the cases from which somebody asked for the cancellation.
pub(crate) struct Close;

/// Why a cancellation was not noted.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub(crate) struct CloseError(#[from] DbError);

impl Fault for CloseError {
    fn verdict(&self) -> Verdict {
        Verdict::Retry
    }
}

impl Handler for Close {
    const NAME: &'static str = "exceptions.close";
    type In = OrderCancelled;
    type Out = ();
    type Error = CloseError;

    async fn record(&self, cancelled: &OrderCancelled, tx: &Tx<'_>) -> Result<(), CloseError> {
        Ok(store::order_cancelled(tx, &cancelled.order_id, Self::NAME).await?)
    }
}
