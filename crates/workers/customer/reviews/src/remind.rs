//! `reviews.remind`: makes a due request and sets the next one. After the last one the review lapses.

use despatch_contracts::review::{ReviewAskDue, ReviewLapsed, ReviewRequested};
use despatch_domain::link;
use despatch_runtime::{DbError, Handler, HandlerError, Timer, Tx, Verdict};

use crate::schedule::{Due, Schedule};
use crate::store;

/// Asks and reminds.
///
/// A timer may fire while the answer is on its way. The first of the two to be recorded wins, and the row says which it
/// was.
pub(crate) struct Remind {
    pub(crate) schedule: Schedule,
    pub(crate) ask_due: Timer<ReviewAskDue>,
    /// The gateway's public address, without a trailing slash.
    pub(crate) public_url: String,
    /// The secret that signs the links; the gateway verifies with the same.
    pub(crate) link_secret: Vec<u8>,
}

/// Why a request was not made.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RemindError {
    #[error(transparent)]
    Database(#[from] DbError),
}

impl HandlerError for RemindError {
    fn verdict(&self) -> Verdict {
        match self {
            RemindError::Database(_) => Verdict::Retry,
        }
    }
}

impl Handler for Remind {
    const NAME: &'static str = "reviews.remind";
    type In = ReviewAskDue;
    type Out = (Option<ReviewRequested>, Option<ReviewLapsed>);
    type Error = RemindError;

    async fn record(&self, event: &ReviewAskDue, tx: &Tx<'_>) -> Result<Self::Out, RemindError> {
        let ReviewAskDue { order_id, ask } = event;
        match self.schedule.due(*ask) {
            Due::Ask { next_after } => {
                if !store::asked(tx, order_id, (*ask).into()).await? {
                    return Ok((None, None));
                }
                let next = ReviewAskDue { order_id: order_id.clone(), ask: ask + 1 };
                tx.schedule(self.ask_due, order_id, next_after, &next).await?;
                Ok((Some(self.request(order_id, *ask)), None))
            }
            Due::Lapse => {
                let lapsed = store::lapse(tx, order_id, (*ask).into()).await?;
                Ok((None, lapsed.then(|| ReviewLapsed { order_id: order_id.clone() })))
            }
        }
    }
}

impl Remind {
    fn request(&self, order_id: &str, ask: u32) -> ReviewRequested {
        let token = link::sign(&self.link_secret, "review", order_id);
        let review_url = format!("{}/reviews/{order_id}/{token}", self.public_url);
        ReviewRequested { order_id: order_id.to_owned(), ask, review_url }
    }
}
