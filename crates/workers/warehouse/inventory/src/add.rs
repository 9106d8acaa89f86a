//! Reserves the units that were added to an order.

use despatch_contracts::Event as _;
use despatch_contracts::order::{Order, OrderExtended};
use despatch_contracts::stock::{ParcelVoided, StockPicked};
use despatch_routing::top_up;
use despatch_runtime::{ConcurrencyKeys, Handler, Tx};

use crate::error::InventoryError;
use crate::order_lines::{demand, skus};
use crate::repack::{Repacked, repack};
use crate::store::{self, State};

/// Tops an order's units up to what the newest order wants: all of them or none.
#[derive(Debug)]
pub struct Add;

impl Handler for Add {
    const NAME: &'static str = "inventory.add";
    type In = OrderExtended;
    type Out = (Vec<ParcelVoided>, Vec<StockPicked>);
    type Error = InventoryError;

    fn keys(&self, event: &OrderExtended) -> ConcurrencyKeys {
        let Some(order) = &event.order else { return ConcurrencyKeys::none() };
        skus(order)
            .into_iter()
            .fold(ConcurrencyKeys::subject(event.subject()), |keys, sku| keys.and("sku", sku))
    }

    async fn record(&self, event: &OrderExtended, tx: &Tx<'_>) -> Result<Self::Out, InventoryError> {
        let order = event.order.as_ref().ok_or(InventoryError::OrderMissing)?;
        top_up_order(tx, order, event.change).await
    }
}

/// Tops up the units of an order that this change made, or a later one.
pub(crate) async fn top_up_order(
    tx: &Tx<'_>,
    order: &Order,
    change: u32,
) -> Result<(Vec<ParcelVoided>, Vec<StockPicked>), InventoryError> {
    let known = store::keep_newest(tx, order, change).await?;
    match known.state {
        Some(State::Held | State::Confirmed) => {}
        Some(State::Expired | State::Cancelled) | None => return Ok((Vec::new(), Vec::new())),
    }
    let order = &known.newest;
    let stock = store::stock_for(tx, order, &skus(order)).await?;
    let mut packed = known.packed.clone();
    top_up(&demand(order)?, &mut packed, &stock.levels)?;
    let Repacked { voided, picked } = repack(tx, &known, packed, |_| false).await?;
    Ok((voided, picked))
}
