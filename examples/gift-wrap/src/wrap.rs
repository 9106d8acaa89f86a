//! `giftwrap.wrap`: a picked parcel of a dear order is wrapped, once.

use despatch_contracts::stock::StockPicked;
use despatch_runtime::{Handler, Tx};

use crate::error::WrapError;
use crate::event::GiftWrapped;
use crate::store;

/// Wraps picked parcels.
pub(crate) struct Wrap {
    pub(crate) at_least_minor: i64,
    pub(crate) paper: String,
}

impl Handler for Wrap {
    const NAME: &'static str = "giftwrap.wrap";
    type In = StockPicked;
    type Out = Option<GiftWrapped>;
    type Error = WrapError;

    async fn record(&self, event: &StockPicked, tx: &Tx<'_>) -> Result<Self::Out, WrapError> {
        let order = event.order.as_ref().ok_or(WrapError::Incomplete("order"))?;
        let parcel = event.parcel.as_ref().ok_or(WrapError::Incomplete("parcel"))?.number;
        if order.total_minor < self.at_least_minor || !store::wrap(tx, &order.order_id, parcel).await? {
            return Ok(None);
        }
        Ok(Some(GiftWrapped { order_id: order.order_id.clone(), parcel, paper: self.paper.clone() }))
    }
}
