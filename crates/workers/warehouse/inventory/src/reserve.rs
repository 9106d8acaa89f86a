//! Reserves the units of an order whose payment is its own: all lines or none. An order with nothing to reserve goes on too.

use std::time::Duration;

use despatch_contracts::Event as _;
use despatch_contracts::payment::PaymentAuthorised;
use despatch_contracts::stock::{ReservationExpiryDue, StockReserved};
use despatch_routing::allocate_order;
use despatch_runtime::{ConcurrencyKeys, Handler, Timer, Tx};
use tokio::try_join;

use crate::error::InventoryError;
use crate::expiry_timer;
use crate::newest_stock::newest_stock;
use crate::order_lines::{demand, in_event, skus};
use crate::store::{self, Claim};

/// Reserves stock for orders whose payment was looked at.
#[derive(Debug)]
pub struct Reserve {
    lifetime: Duration,
    expiry: Timer<ReservationExpiryDue>,
}

impl Reserve {
    /// Creates the handler. It reserves units for `lifetime`, unless the reservation is confirmed before `expiry`
    /// fires.
    pub fn new(lifetime: Duration, expiry: Timer<ReservationExpiryDue>) -> Self {
        Reserve { lifetime, expiry }
    }
}

impl Handler for Reserve {
    const NAME: &'static str = "inventory.reserve";
    type In = PaymentAuthorised;
    type Out = Option<StockReserved>;
    type Error = InventoryError;

    fn keys(&self, event: &PaymentAuthorised) -> ConcurrencyKeys {
        let Some(order) = &event.order else { return ConcurrencyKeys::none() };
        skus(order)
            .into_iter()
            .fold(ConcurrencyKeys::subject(event.subject()), |keys, sku| keys.and("sku", sku))
    }

    async fn record(&self, event: &PaymentAuthorised, tx: &Tx<'_>) -> Result<Self::Out, InventoryError> {
        let order = event.order.as_ref().ok_or(InventoryError::OrderMissing)?;
        let (order, stock) = newest_stock(tx, order).await?;
        if stock.state.is_some() {
            // The order was cancelled before, or confirmed by a payment that overtook this event.
            return Ok(None);
        }
        let allocations = allocate_order(&demand(&order)?, &stock.levels)?;
        let (held, ()) = try_join!(
            store::claim(tx, &order.order_id, &allocations, Claim::Held(self.lifetime)),
            expiry_timer::set(tx, self.expiry, &order.order_id, self.lifetime),
        )?;
        let held = held.ok_or(InventoryError::Overtaken)?;
        Ok(Some(StockReserved {
            order: Some(order.into_owned()),
            allocations: allocations.into_iter().map(in_event).collect(),
            expires_at: held.expires_at.map(prost_types::Timestamp::from),
        }))
    }
}
