//! Releases a cancelled order's units.

use despatch_contracts::order::OrderCancelled;
use despatch_contracts::stock::StockReleased;
use despatch_runtime::{Handler, Tx};
use tokio::try_join;

use crate::error::InventoryError;
use crate::{expiry_timer, store};

/// Releases the units of cancelled orders, confirmed or not. Units that the carrier has stay shipped.
#[derive(Debug)]
pub struct Release;

impl Handler for Release {
    const NAME: &'static str = "inventory.release";
    type In = OrderCancelled;
    type Out = Option<StockReleased>;
    type Error = InventoryError;

    async fn record(
        &self,
        event: &OrderCancelled,
        tx: &Tx<'_>,
    ) -> Result<Option<StockReleased>, InventoryError> {
        let order_id = &event.order_id;
        let (freed, ()) = try_join!(store::cancel(tx, order_id), expiry_timer::unset(tx, order_id))?;
        let released = || StockReleased { order_id: order_id.clone(), reason: event.reason.clone() };
        Ok((freed > 0).then(released))
    }
}
