//! `reviews.stop`: no customer is asked about an order that was cancelled or returned.

use despatch_contracts::order::{OrderCancelled, OrderReturned};
use despatch_contracts::{Incoming as _, event_enum};
use despatch_runtime::{DbError, Handler, HandlerError, Tx, Verdict};

use crate::store;

event_enum! {
    /// The events that make a review pointless.
    pub(crate) enum Ended {
        Cancelled(OrderCancelled),
        Returned(OrderReturned),
    }
}

/// Ends the requests without an answer.
#[derive(Debug)]
pub(crate) struct Stop;

/// Why the requests go on.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StopError {
    #[error(transparent)]
    Database(#[from] DbError),
}

impl HandlerError for StopError {
    fn verdict(&self) -> Verdict {
        match self {
            StopError::Database(_) => Verdict::Retry,
        }
    }
}

impl Handler for Stop {
    const NAME: &'static str = "reviews.stop";
    type In = Ended;
    type Out = ();
    type Error = StopError;

    async fn record(&self, event: &Ended, tx: &Tx<'_>) -> Result<(), StopError> {
        let reason = match event {
            Ended::Cancelled(event) => &event.reason,
            Ended::Returned(event) => &event.reason,
        };
        store::stop(tx, event.subject().id(), reason).await?;
        tx.unschedule(event.subject().id()).await?;
        Ok(())
    }
}
