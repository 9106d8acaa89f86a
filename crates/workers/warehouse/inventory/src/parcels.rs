//! The parcels of a confirmed reservation, as events carry them.

use despatch_contracts::order::{Line, Order};
use despatch_contracts::stock::{Parcel, StockPicked};
use despatch_routing::Packed;

use crate::order_lines::in_event;

/// Returns one event for each of these parcels. `packed` are sorted by parcel; `of` is how many parcels the order has.
pub(crate) fn picked<'a>(
    order: &Order,
    packed: impl IntoIterator<Item = &'a Packed>,
    of: u32,
) -> Vec<StockPicked> {
    let mut parcels: Vec<Parcel> = Vec::new();
    for Packed { allocation, position, .. } in packed {
        if parcels.last().is_none_or(|last| last.number != allocation.parcel) {
            parcels.push(Parcel {
                number: allocation.parcel,
                of,
                location: allocation.location.clone(),
                contents: Vec::new(),
                is_collected: is_collected(order, allocation.line),
                position: *position,
            });
        }
        if let Some(parcel) = parcels.last_mut() {
            parcel.contents.push(in_event(allocation.clone()));
        }
    }
    let event = |parcel| StockPicked { order: Some(order.clone()), parcel: Some(parcel) };
    parcels.into_iter().map(event).collect()
}

/// Returns whether the customer collects the line.
pub(crate) fn is_collected(order: &Order, line: u32) -> bool {
    let collected = |it: &Line| it.number == line && it.is_collected();
    order.lines.iter().any(collected)
}
