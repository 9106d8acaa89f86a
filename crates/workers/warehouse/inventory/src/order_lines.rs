//! Converts an order's lines for the allocation, and the allocation for events.

use std::collections::BTreeSet;

use despatch_contracts::order::{Line, Order};
use despatch_contracts::stock;
use despatch_routing::{Allocation, LineDemand};

use crate::error::InventoryError;

/// Returns the order's SKUs, each once, sorted.
pub(crate) fn skus(order: &Order) -> Vec<&str> {
    order.lines.iter().map(|line| line.sku.as_str()).collect::<BTreeSet<_>>().into_iter().collect()
}

/// Returns the order's demand, line by line.
pub(crate) fn demand(order: &Order) -> Result<Vec<LineDemand<'_>>, InventoryError> {
    order.lines.iter().map(line_demand).collect()
}

fn line_demand(line: &Line) -> Result<LineDemand<'_>, InventoryError> {
    let Line { number: line, ref sku, quantity, .. } = *line;
    if quantity < 1 {
        return Err(InventoryError::QuantityInvalid { line, quantity });
    }
    Ok(LineDemand { line, sku, quantity })
}

/// Returns an allocation as events hold it, with its parcel beside it.
pub(crate) fn in_event(allocation: Allocation) -> stock::Allocation {
    let Allocation { line, sku, location, quantity, parcel: _ } = allocation;
    stock::Allocation { location, sku, quantity, line }
}
