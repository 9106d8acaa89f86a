//! `reviews.receive`: stores an answer and ends the requests, even if it comes late or unrequested.

use despatch_contracts::review::ReviewReceived;
use despatch_domain::Reason;
use despatch_runtime::{DbError, Handler, HandlerError, Tx, Verdict};

use crate::store;

/// Stores customers' answers.
#[derive(Debug)]
pub(crate) struct Receive;

/// Why an answer was not stored.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReceiveError {
    #[error("rating: expected 1 to 5 stars, found {0}")]
    Rating(u32),
    #[error(transparent)]
    Database(#[from] DbError),
}

impl HandlerError for ReceiveError {
    fn verdict(&self) -> Verdict {
        match self {
            ReceiveError::Rating(_) => Verdict::Reject(Reason::RatingInvalid),
            ReceiveError::Database(_) => Verdict::Retry,
        }
    }
}

impl Handler for Receive {
    const NAME: &'static str = "reviews.receive";
    type In = ReviewReceived;
    /// Other workers consume `review.received` themselves.
    type Out = ();
    type Error = ReceiveError;

    async fn record(&self, event: &ReviewReceived, tx: &Tx<'_>) -> Result<(), ReceiveError> {
        if !(1..=5).contains(&event.rating) {
            return Err(ReceiveError::Rating(event.rating));
        }
        store::answer(tx, &event.order_id, event.rating.into(), &event.comment).await?;
        tx.unschedule(&event.order_id).await?;
        Ok(())
    }
}
