//! Records an order's units after a change. Parcels of a confirmed order that differ are voided, and picked again.

use despatch_contracts::stock::{ParcelVoided, StockPicked};
use despatch_domain::Reason;
use despatch_routing::{self as routing, Packed, Repacking};
use despatch_runtime::Tx;

use crate::error::InventoryError;
use crate::parcels;
use crate::store::{self, KnownOrder, State};

/// The events about it. Before its payment an order has no parcel that they know.
#[derive(Debug, Default)]
pub(crate) struct Repacked {
    pub(crate) voided: Vec<ParcelVoided>,
    pub(crate) picked: Vec<StockPicked>,
}

/// Records the units that the order has from now on. Parcels that must be `remade` get new numbers though nothing in them
/// changes.
pub(crate) async fn repack(
    tx: &Tx<'_>,
    known: &KnownOrder,
    packed: Vec<Packed>,
    remade: impl Fn(&[Packed]) -> bool,
) -> Result<Repacked, InventoryError> {
    let order = &known.newest;
    let order_id = &order.order_id;
    if known.state != Some(State::Confirmed) {
        let packed = routing::renumber(packed);
        if packed != known.packed && !store::repack(tx, order_id, &packed, known.last_parcel).await? {
            return Err(InventoryError::Overtaken);
        }
        return Ok(Repacked::default());
    }
    let Repacking { packed, voided, made, of, last } =
        routing::repack(&known.packed, &packed, remade, known.last_parcel);
    if voided.is_empty() && made.is_empty() {
        return Ok(Repacked::default());
    }
    if !store::repack(tx, order_id, &packed, last).await? {
        return Err(InventoryError::Overtaken);
    }
    let void = |parcel| ParcelVoided {
        order_id: order_id.clone(),
        parcel,
        reason: Reason::OrderChanged.code().to_owned(),
    };
    let new = packed.iter().filter(|it| made.contains(&it.allocation.parcel));
    Ok(Repacked { voided: voided.into_iter().map(void).collect(), picked: parcels::picked(order, new, of) })
}
