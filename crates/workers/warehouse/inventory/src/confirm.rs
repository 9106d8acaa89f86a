//! Makes a paid order's reservation final and passes its parcels on to be labelled.

use despatch_contracts::order::{Line, Order};
use despatch_contracts::payment::PaymentCaptured;
use despatch_contracts::stock::StockPicked;
use despatch_routing::{Allocation, Packed, Shortage, allocate_order};
use despatch_runtime::{Handler, Tx};
use tokio::try_join;

use crate::error::InventoryError;
use crate::newest_stock::newest_stock;
use crate::order_lines::demand;
use crate::store::{self, Claim, Confirmed, State};
use crate::{expiry_timer, parcels};

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
        match confirmed {
            Some(Confirmed { state: State::Held, is_withdrawn, allocations, newest }) => {
                // Units that were added, and that are not there, keep nothing back: they are a case of their own.
                if is_withdrawn && is_short(order, newest.as_ref(), &allocations) {
                    return Err(InventoryError::Withdrawn);
                }
                Ok(picked(newest.as_ref().unwrap_or(order), allocations))
            }
            // The parcels were emitted with the payment that confirmed them. Or nothing is sent, and orders requests
            // the refund.
            Some(Confirmed { state: State::Confirmed | State::Cancelled, .. }) => Ok(Vec::new()),
            Some(Confirmed { state: State::Expired, .. }) | None => reserve_again(order, tx).await,
        }
    }
}

/// Returns whether the reservation has fewer units than the order. Units that were added since may come later.
fn is_short(order: &Order, newest: Option<&Order>, allocations: &[Allocation]) -> bool {
    let wanted_now = |number: u32| {
        let order = newest.unwrap_or(order);
        order.our_lines().filter(|line| line.number == number).map(Line::our_units).sum::<i64>()
    };
    let held = |number: u32| -> i64 {
        allocations.iter().filter(|it| it.line == number).map(|it| it.quantity).sum()
    };
    order.our_lines().any(|line| held(line.number) < line.our_units().min(wanted_now(line.number)))
}

/// Reserves again for an order whose payment came too late. This serialises on the order alone, so another reservation
/// may come first; the update's own condition decides.
async fn reserve_again(order: &Order, tx: &Tx<'_>) -> Result<Vec<StockPicked>, InventoryError> {
    let (order, stock) = newest_stock(tx, order).await?;
    let allocations = allocate_order(&demand(&order)?, &stock.levels).map_err(|shortage| match shortage {
        Shortage::Short { .. } | Shortage::Apart => InventoryError::Lapsed(shortage),
        Shortage::Unknown(_) => InventoryError::Shortage(shortage),
    })?;
    let held = store::claim(tx, &order.order_id, &allocations, Claim::Confirmed).await?;
    held.map(|_| picked(&order, allocations)).ok_or(InventoryError::Overtaken)
}

/// Returns one event per parcel. `allocations` are sorted by parcel, and the parcels count from 1.
fn picked(order: &Order, allocations: Vec<Allocation>) -> Vec<StockPicked> {
    let of = allocations.last().map_or(0, |last| last.parcel);
    let packed = |it: Allocation| Packed { position: it.parcel, allocation: it, has_left: false };
    let packed: Vec<Packed> = allocations.into_iter().map(packed).collect();
    parcels::picked(order, &packed, of)
}
