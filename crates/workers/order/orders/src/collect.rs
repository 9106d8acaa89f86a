//! `orders.collect`: notes that the customer collected what was ready.

use despatch_contracts::Event as _;
use despatch_contracts::order::{CollectionReported, OrderCompleted};
use despatch_contracts::shipment::ShipmentCollected;
use despatch_runtime::{Handler, Tx};
use despatch_status::OrderState;

use crate::command::{self, CommandError};
use crate::store::{self, Note};

/// Notes collections on request. A refusal is not an error: it is recorded in the order's timeline.
#[derive(Debug)]
pub(crate) struct Collect;

impl Handler for Collect {
    const NAME: &'static str = "orders.collect";
    type In = CollectionReported;
    type Out = (Vec<ShipmentCollected>, Option<OrderCompleted>);
    type Error = CommandError;

    async fn record(&self, event: &CollectionReported, tx: &Tx<'_>) -> Result<Self::Out, CommandError> {
        let order_id = &event.order_id;
        let detail = format!("noted by {}", command::by(&event.requested_by, &event.by));
        let note = Note { event_type: CollectionReported::TYPE, detail: &detail };
        let (mut collected, mut parcels) = (Vec::new(), 0);
        let step = store::advance::<CommandError>(tx, order_id, &note, |order| {
            let (step, numbers) = order.collect();
            (collected, parcels) = (numbers, order.parcels());
            Ok(step)
        });
        let Some(step) = step.await? else {
            // Nothing of an order is ready that is not paid.
            return if store::unpaid(tx, order_id).await?.is_some() {
                Ok((Vec::new(), None))
            } else {
                Err(CommandError::NotYet)
            };
        };
        let event = |parcel| ShipmentCollected { order_id: order_id.clone(), parcel, parcels };
        let completed =
            step.enters(OrderState::Completed).then(|| OrderCompleted { order_id: order_id.clone() });
        Ok((collected.into_iter().map(event).collect(), completed))
    }
}
