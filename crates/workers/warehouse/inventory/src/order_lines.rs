//! Converts an order's lines for the allocation, and the allocation for events.

use std::collections::BTreeSet;

use despatch_contracts::order::{Line, Order};
use despatch_contracts::stock;
use despatch_routing::{Allocation, LineDemand, OrderDemand};

use crate::error::InventoryError;

/// Returns the order's SKUs, each once, sorted.
pub(crate) fn skus(order: &Order) -> Vec<&str> {
    order.our_lines().map(|line| line.sku.as_str()).collect::<BTreeSet<_>>().into_iter().collect()
}

/// Returns the order's demand, line by line. Lines that others bring, and units that the shop took off, have none.
pub(crate) fn demand(order: &Order) -> Result<OrderDemand<'_>, InventoryError> {
    let mut demand = OrderDemand::default();
    for line in order.our_lines() {
        let lines = if line.is_collected() { &mut demand.collected } else { &mut demand.sent };
        lines.push(line_demand(line)?);
    }
    Ok(demand)
}

fn line_demand(line: &Line) -> Result<LineDemand<'_>, InventoryError> {
    let (number, quantity) = (line.number, line.our_units());
    if quantity < 1 {
        return Err(InventoryError::QuantityInvalid { line: number, quantity });
    }
    Ok(LineDemand { line: number, sku: &line.sku, quantity })
}

/// Returns an allocation as events hold it, with its parcel beside it.
pub(crate) fn in_event(allocation: Allocation) -> stock::Allocation {
    let Allocation { line, sku, location, quantity, parcel: _ } = allocation;
    stock::Allocation { location, sku, quantity, line }
}
