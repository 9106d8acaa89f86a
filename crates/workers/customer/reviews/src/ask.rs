//! `reviews.ask`: once every parcel of an order is delivered, sets a timer for the first request.

use despatch_contracts::review::ReviewAskDue;
use despatch_contracts::shipment::{ShipmentCollected, ShipmentDelivered};
use despatch_contracts::{Incoming as _, event_enum};
use despatch_domain::Reason;
use despatch_runtime::{DbError, Handler, HandlerError, Timer, Tx, Verdict};

use crate::schedule::Schedule;
use crate::store;

event_enum! {
    /// The events by which a parcel reaches the customer.
    pub(crate) enum Reached {
        Delivered(ShipmentDelivered),
        Collected(ShipmentCollected),
    }
}

/// Starts the requests for a review.
#[derive(Debug)]
pub(crate) struct Ask {
    pub(crate) schedule: Schedule,
    pub(crate) ask_due: Timer<ReviewAskDue>,
}

/// Why a delivery was not noted.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AskError {
    #[error("expected an event with a scan, found none")]
    NoScan,
    #[error(transparent)]
    Database(#[from] DbError),
}

impl HandlerError for AskError {
    fn verdict(&self) -> Verdict {
        match self {
            AskError::NoScan => Verdict::Reject(Reason::PayloadUndecodable),
            AskError::Database(_) => Verdict::Retry,
        }
    }
}

impl Handler for Ask {
    const NAME: &'static str = "reviews.ask";
    type In = Reached;
    /// The timer's event comes later.
    type Out = ();
    type Error = AskError;

    async fn record(&self, event: &Reached, tx: &Tx<'_>) -> Result<(), AskError> {
        let (parcel, parcels) = match event {
            Reached::Delivered(event) => {
                event.scan.as_ref().map(|scan| (scan.parcel, scan.parcels)).ok_or(AskError::NoScan)?
            }
            Reached::Collected(event) => (event.parcel, event.parcels),
        };
        let order_id = event.subject().id();
        if store::delivered(tx, order_id, parcel.into(), parcels.into()).await? {
            let due = ReviewAskDue { order_id: order_id.to_owned(), ask: 0 };
            tx.schedule(self.ask_due, order_id, self.schedule.first_after(), &due).await?;
        }
        Ok(())
    }
}
