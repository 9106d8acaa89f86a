//! Ends a reservation that no payment confirmed in time.

use despatch_contracts::stock::{ReservationExpiryDue, StockReleased};
use despatch_domain::Reason;
use despatch_runtime::{Handler, Timer, Tx};

use crate::error::InventoryError;
use crate::expiry_timer;
use crate::store::{self, Expiry};

/// Ends expired reservations.
#[derive(Debug)]
pub struct Expire {
    pub(crate) expiry: Timer<ReservationExpiryDue>,
}

impl Handler for Expire {
    const NAME: &'static str = "inventory.expire";
    type In = ReservationExpiryDue;
    type Out = Option<StockReleased>;
    type Error = InventoryError;

    async fn record(
        &self,
        event: &ReservationExpiryDue,
        tx: &Tx<'_>,
    ) -> Result<Option<StockReleased>, InventoryError> {
        match store::expire(tx, &event.order_id).await? {
            Expiry::Ended => Ok(Some(StockReleased {
                order_id: event.order_id.clone(),
                reason: Reason::ReservationExpired.code().to_owned(),
            })),
            Expiry::Early(left) => {
                // The timer was run early by hand. The customer's units stay reserved for the promised time.
                expiry_timer::set(tx, self.expiry, &event.order_id, left).await?;
                Ok(None)
            }
            Expiry::Nothing => Ok(None),
        }
    }
}
