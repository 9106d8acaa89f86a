//! `labels.cancel`: no label of a parcel that is not sent stays valid.

use despatch_contracts::event_enum;
use despatch_contracts::label::LabelVoidRequested;
use despatch_contracts::order::OrderCancelled;
use despatch_contracts::stock::ParcelVoided;
use despatch_runtime::{DbError, Handler, Tx};

use crate::store;

event_enum! {
    /// The events after which parcels are not sent.
    pub(crate) enum NotSent {
        Order(OrderCancelled),
        Parcel(ParcelVoided),
    }
}

/// Has the labels of cancelled orders and of voided parcels voided. `labels.create` does the same for one whose purchase was
/// under way.
pub(crate) struct Cancel;

impl Handler for Cancel {
    const NAME: &'static str = "labels.cancel";
    type In = NotSent;
    type Out = Vec<LabelVoidRequested>;
    type Error = DbError;

    async fn record(&self, event: &NotSent, tx: &Tx<'_>) -> Result<Self::Out, DbError> {
        let (order_id, parcel, reason) = match event {
            NotSent::Order(event) => (&event.order_id, None, &event.reason),
            NotSent::Parcel(event) => (&event.order_id, Some(event.parcel), &event.reason),
        };
        let labelled = store::not_sent(tx, order_id, parcel, reason).await?;
        let void = |parcel| LabelVoidRequested { order_id: order_id.clone(), parcel, reason: reason.clone() };
        Ok(labelled.into_iter().map(void).collect())
    }
}
