//! Ends deliveries: the receiver says that nothing more comes, or a person cancels what has not arrived.

use despatch_contracts::stock::{DeliveryArrived, DeliveryCancelRequested};
use despatch_contracts::{Event as _, Incoming as _, event_enum};
use despatch_runtime::{ConcurrencyKeys, Handler, Tx};

use crate::deliveries::{self, Deliveries};
use crate::error::InventoryError;
use crate::request::{self, check_text};
use crate::row_result::{RowError, RowResult, storable};
use crate::store;

event_enum! {
    /// The end of a delivery.
    pub enum DeliveryEnd {
        Arrived(DeliveryArrived),
        Cancelled(DeliveryCancelRequested),
    }
}

/// Records the ends of deliveries. The end of one that nobody announced is kept for its announcement.
#[derive(Debug)]
pub struct EndDelivery {
    pub(crate) deliveries: Deliveries,
}

impl Handler for EndDelivery {
    const NAME: &'static str = "inventory.end-delivery";
    type In = DeliveryEnd;
    type Out = ();
    type Error = InventoryError;

    fn keys(&self, event: &DeliveryEnd) -> ConcurrencyKeys {
        let (DeliveryEnd::Arrived(DeliveryArrived { delivery, .. })
        | DeliveryEnd::Cancelled(DeliveryCancelRequested { delivery, .. })) = event;
        deliveries::keys(ConcurrencyKeys::subject(event.subject()), delivery)
    }

    async fn record(&self, event: &DeliveryEnd, tx: &Tx<'_>) -> Result<(), InventoryError> {
        let (kind, request, delivery) = match event {
            DeliveryEnd::Arrived(event) => (DeliveryArrived::TYPE, &event.request, &event.delivery),
            DeliveryEnd::Cancelled(event) => (DeliveryCancelRequested::TYPE, &event.request, &event.delivery),
        };
        let Some(request) = request::new(tx, request.as_ref()).await? else { return Ok(()) };
        let name = storable(delivery);
        let mut check = check_text("a delivery's name", &name);
        match event {
            DeliveryEnd::Arrived(_) if check.is_ok() => store::note_arrived(tx, &name).await?,
            DeliveryEnd::Cancelled(_) if check.is_ok() => {
                if store::is_announced(tx, &name).await? {
                    store::cancel_delivery(tx, &name).await?;
                } else {
                    check = Err(unknown(&name));
                }
            }
            DeliveryEnd::Arrived(_) | DeliveryEnd::Cancelled(_) => {}
        }
        let result = RowResult::booked(0, "", "", 0);
        let result = match check {
            Ok(()) => {
                self.deliveries.settle(tx, &name).await?;
                result
            }
            Err(error) => result.refused(error),
        };
        request::record(tx, &request, (kind, &name), vec![result], false).await?;
        Ok(())
    }
}

fn unknown(name: &str) -> RowError {
    RowError::new("delivery-unknown", format!("expected an announced delivery, found {name:?}"))
}
