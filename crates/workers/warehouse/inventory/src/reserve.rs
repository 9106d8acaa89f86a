//! Holds an accepted order's units: all lines or nothing.

use std::collections::BTreeSet;
use std::time::Duration;

use despatch_contracts::order::{Line, Order, OrderAccepted};
use despatch_contracts::stock::{ReservationExpiryDue, StockReserved};
use despatch_runtime::{ConcurrencyKeys, Handler, Tx};
use tokio::try_join;

use crate::allocate::{Wanted, allocate};
use crate::store::{self, Claim};
use crate::{Allocation, InventoryError, expiry_timer};

/// Reserves stock for accepted orders.
#[derive(Debug)]
pub struct Reserve {
    lifetime: Duration,
}

impl Reserve {
    /// Holds units for `lifetime`, unless the reservation is confirmed before.
    pub fn new(lifetime: Duration) -> Self {
        Reserve { lifetime }
    }
}

impl Handler for Reserve {
    const NAME: &'static str = "inventory.reserve";
    type In = OrderAccepted;
    type Out = Option<StockReserved>;
    type Error = InventoryError;

    fn keys(&self, event: &OrderAccepted) -> ConcurrencyKeys {
        let Some(order) = &event.order else { return ConcurrencyKeys::none() };
        skus(order)
            .into_iter()
            .fold(ConcurrencyKeys::order(&order.order_id), |keys, sku| keys.and("sku", sku))
    }

    async fn record(&self, event: &OrderAccepted, tx: &Tx<'_>) -> Result<Self::Out, InventoryError> {
        let order = event.order.as_ref().ok_or(InventoryError::OrderMissing)?;
        let (stock, known) = store::stock_for(tx, &order.order_id, &skus(order)).await?;
        if known.is_some() {
            // Cancelled before it could be reserved, or confirmed by a payment that overtook this event.
            return Ok(None);
        }
        let allocations = allocate(&wanted(order)?, &stock)?;
        let timer = expiry_timer(&order.order_id);
        let due = ReservationExpiryDue { order_id: order.order_id.clone() };
        let (held, ()) = try_join!(
            store::claim(tx, &order.order_id, &allocations, Claim::Held(self.lifetime)),
            tx.schedule(&timer, self.lifetime, &due),
        )?;
        let held = held.ok_or(InventoryError::Overtaken)?;
        Ok(Some(StockReserved {
            order: Some(order.clone()),
            allocations: allocations.into_iter().map(Allocation::into).collect(),
            expires_at: held.expires_at.map(prost_types::Timestamp::from),
        }))
    }
}

/// The order's SKUs, each once, sorted.
pub(crate) fn skus(order: &Order) -> Vec<&str> {
    order.lines.iter().map(|line| line.sku.as_str()).collect::<BTreeSet<_>>().into_iter().collect()
}

/// The order's lines as the allocation sees them.
pub(crate) fn wanted(order: &Order) -> Result<Vec<Wanted<'_>>, InventoryError> {
    order.lines.iter().map(asked).collect()
}

fn asked(line: &Line) -> Result<Wanted<'_>, InventoryError> {
    let Line { number: line, ref sku, quantity, .. } = *line;
    if quantity < 1 {
        return Err(InventoryError::QuantityInvalid { line, quantity });
    }
    Ok(Wanted { line, sku, quantity })
}
