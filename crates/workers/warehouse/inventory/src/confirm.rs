//! Makes a paid order's reservation final and passes its parcels on to be labelled.

use despatch_contracts::order::{Line, Order};
use despatch_contracts::payment::PaymentCaptured;
use despatch_contracts::stock::{Parcel, StockPicked};
use despatch_routing::{Allocation, Shortage, allocate_order};
use despatch_runtime::{Handler, Tx};
use tokio::try_join;

use crate::error::InventoryError;
use crate::expiry_timer;
use crate::order_lines::{demand, in_event, skus};
use crate::store::{self, Claim, State};

/// Confirms reservations whose payment was captured. A confirmed reservation does not expire.
#[derive(Debug)]
pub struct Confirm;

impl Handler for Confirm {
    const NAME: &'static str = "inventory.confirm";
    type In = PaymentCaptured;
    type Out = Vec<StockPicked>;
    type Error = InventoryError;

    async fn record(&self, event: &PaymentCaptured, tx: &Tx<'_>) -> Result<Vec<StockPicked>, InventoryError> {
        let order = event.order.as_ref().ok_or(InventoryError::OrderMissing)?;
        let order_id = &order.order_id;
        let (confirmed, ()) = try_join!(store::confirm(tx, order_id), expiry_timer::unset(tx, order_id))?;
        let allocations = match confirmed {
            Some((State::Held, allocations)) => allocations,
            // The parcels were emitted with the payment that confirmed them. Or nothing is sent, and orders requests
            // the refund.
            Some((State::Confirmed | State::Cancelled, _)) => return Ok(Vec::new()),
            Some((State::Expired, _)) | None => reserve_again(order, tx).await?,
        };
        Ok(parcels(order, allocations))
    }
}

/// Reserves again for an order whose payment came too late. This serialises on the order alone, so another reservation
/// may come first; the update's own condition decides.
async fn reserve_again(order: &Order, tx: &Tx<'_>) -> Result<Vec<Allocation>, InventoryError> {
    let (stock, _) = store::stock_for(tx, &order.order_id, &skus(order)).await?;
    let allocations = allocate_order(&demand(order)?, &stock).map_err(|shortage| match shortage {
        Shortage::Short { .. } | Shortage::Apart => InventoryError::Lapsed(shortage),
        Shortage::Unknown(_) => InventoryError::Shortage(shortage),
    })?;
    let held = store::claim(tx, &order.order_id, &allocations, Claim::Confirmed).await?;
    held.map(|_| allocations).ok_or(InventoryError::Overtaken)
}

/// Returns one event per parcel. `allocations` are sorted by parcel.
fn parcels(order: &Order, allocations: Vec<Allocation>) -> Vec<StockPicked> {
    let mut parcels: Vec<Parcel> = Vec::new();
    for allocation in allocations {
        if parcels.last().is_none_or(|last| last.number != allocation.parcel) {
            let is_collected = |line: &Line| line.number == allocation.line && line.is_collected();
            parcels.push(Parcel {
                number: allocation.parcel,
                location: allocation.location.clone(),
                is_collected: order.lines.iter().any(is_collected),
                ..Parcel::default()
            });
        }
        if let Some(parcel) = parcels.last_mut() {
            parcel.contents.push(in_event(allocation));
        }
    }
    let of = parcels.last().map_or(0, |last| last.number);
    let picked = |parcel| StockPicked { order: Some(order.clone()), parcel: Some(Parcel { of, ..parcel }) };
    parcels.into_iter().map(picked).collect()
}
