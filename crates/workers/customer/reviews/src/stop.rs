//! `reviews.stop`: no customer is asked about an order that was cancelled or returned, or who has no address.

use despatch_contracts::notification::NotificationSkipped;
use despatch_contracts::order::{OrderCancelled, OrderReturned};
use despatch_contracts::review::ReviewLapsed;
use despatch_contracts::{Incoming as _, event_enum};
use despatch_runtime::{DbError, Handler, HandlerError, Tx, Verdict};

use crate::store;

event_enum! {
    /// The events that make a review pointless.
    pub(crate) enum Ended {
        Cancelled(OrderCancelled),
        Returned(OrderReturned),
        MailSkipped(NotificationSkipped),
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
    type Out = Option<ReviewLapsed>;
    type Error = StopError;

    async fn record(&self, event: &Ended, tx: &Tx<'_>) -> Result<Option<ReviewLapsed>, StopError> {
        let order_id = event.subject().id();
        let reason = match event {
            Ended::Cancelled(event) => &event.reason,
            Ended::Returned(event) => &event.reason,
            // Nobody can be asked. An answer by another way still counts.
            Ended::MailSkipped(event) => {
                let is_request = event.milestone.starts_with("review");
                if !is_request || !store::lapse_unasked(tx, order_id).await? {
                    return Ok(None);
                }
                tx.unschedule(order_id).await?;
                return Ok(Some(ReviewLapsed { order_id: order_id.to_owned() }));
            }
        };
        store::stop(tx, order_id, reason).await?;
        tx.unschedule(order_id).await?;
        Ok(None)
    }
}
