//! Takes units off an order that changed, and makes its parcels again. A person settles parcels that have left.

use std::collections::{BTreeMap, BTreeSet};

use despatch_contracts::order::OrderChanged;
use despatch_contracts::stock::{ChangeMissed, ParcelVoided, StockPicked};
use despatch_routing::{Packed, take_off};
use despatch_runtime::{Handler, Tx};

use crate::error::InventoryError;
use crate::order_lines::in_event;
use crate::parcels::is_collected;
use crate::repack::{Repacked, repack};
use crate::store::{self, State};

/// Gives back what an order does not have any more. Units that come back need no other order to wait, so this serialises on the
/// order alone.
#[derive(Debug)]
pub struct Change;

impl Handler for Change {
    const NAME: &'static str = "inventory.change";
    type In = OrderChanged;
    type Out = (Vec<ParcelVoided>, Vec<StockPicked>, Option<ChangeMissed>);
    type Error = InventoryError;

    async fn record(&self, event: &OrderChanged, tx: &Tx<'_>) -> Result<Self::Out, InventoryError> {
        let order = event.order.as_ref().ok_or(InventoryError::OrderMissing)?;
        let known = store::keep_newest(tx, order, event.change).await?;
        match known.state {
            Some(State::Held | State::Confirmed) => {}
            // A later reservation takes the newest order. Of a cancelled one nothing more is sent.
            Some(State::Expired | State::Cancelled) | None => return Ok((Vec::new(), Vec::new(), None)),
        }
        let order = known.newest.clone();
        let is_outdated = |parcel: &[Packed]| {
            event.needs_labels && parcel.iter().all(|it| !is_collected(&order, it.allocation.line))
        };
        let wanted: BTreeMap<u32, i64> =
            order.our_lines().map(|line| (line.number, line.our_units())).collect();
        let mut packed = known.packed.clone();
        let units = take_off(&wanted, &mut packed)?;
        let left = known.packed.iter().filter(|it| it.has_left && is_outdated(std::slice::from_ref(it)));
        let mut parcels: BTreeSet<u32> = left.map(|it| it.allocation.parcel).collect();
        parcels.extend(units.iter().map(|it| it.parcel));
        let missed = (!parcels.is_empty()).then(|| ChangeMissed {
            order_id: order.order_id.clone(),
            change: event.change,
            units: units.into_iter().map(in_event).collect(),
            parcels: parcels.into_iter().collect(),
        });
        let Repacked { voided, picked } = repack(tx, &known, packed, is_outdated).await?;
        Ok((voided, picked, missed))
    }
}

/// Has a person settle a change that came after parcels had left.
#[derive(Debug)]
pub struct FlagMissed;

impl Handler for FlagMissed {
    const NAME: &'static str = "inventory.flag-missed";
    type In = ChangeMissed;
    type Out = ();
    type Error = InventoryError;

    async fn record(&self, event: &ChangeMissed, _: &Tx<'_>) -> Result<(), InventoryError> {
        let ChangeMissed { units, parcels, .. } = event;
        Err(InventoryError::Missed {
            units: units.iter().map(|it| it.quantity).sum(),
            parcels: parcels.clone(),
        })
    }
}
