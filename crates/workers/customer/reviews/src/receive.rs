//! `reviews.receive`: an answer is kept and ends the asking, also when it comes late or unasked for.

use despatch_contracts::review::ReviewReceived;
use despatch_domain::Reason;
use despatch_runtime::{DbError, Handler, HandlerError, Tx, Verdict};

use crate::store;

/// Keeps what customers answer.
#[derive(Debug)]
pub(crate) struct Receive;

/// Why an answer was not kept.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReceiveError {
    #[error("{0} is not 1 to 5 stars")]
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
