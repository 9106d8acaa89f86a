//! Decides what a changed order gives back, and where its added units come from.

use std::collections::{BTreeMap, BTreeSet};

use crate::allocation::{Allocation, LineDemand, Shortage, StockLevel, allocate};
use crate::order_allocation::{OrderDemand, allocate_at_one, without};
use crate::repacking::Packed;

/// Takes off the units that the order does not have any more, so that the fewest parcels are touched. `wanted` is the order's
/// units by line. Returns the units that it should have taken off, in parcels that have left: they stay.
pub fn take_off(wanted: &BTreeMap<u32, i64>, packed: &mut Vec<Packed>) -> Result<Vec<Allocation>, Shortage> {
    let mut above: BTreeMap<u32, i64> = BTreeMap::new();
    for Packed { allocation, .. } in packed.iter() {
        let line = allocation.line;
        let start = || -wanted.get(&line).copied().unwrap_or(0).max(0);
        *above.entry(line).or_insert_with(start) += allocation.quantity;
    }
    above.retain(|_, units| *units > 0);
    let mut missed = Vec::new();
    for it in packed.iter().rev().filter(|it| it.has_left) {
        let Allocation { line, .. } = it.allocation;
        let here = packed.iter().filter(|it| it.allocation.line == line && !it.has_left);
        let here: i64 = here.map(|it| it.allocation.quantity).sum();
        let units = above.get_mut(&line);
        if let Some(units) = units.filter(|units| **units > here) {
            let quantity = (*units - here).min(it.allocation.quantity);
            *units -= quantity;
            missed.push(Allocation { quantity, ..it.allocation.clone() });
        }
    }
    for piece in pieces(&above, packed)? {
        let from = |it: &&mut Packed| name(it) == piece.location && it.allocation.line == piece.line;
        if let Some(it) = packed.iter_mut().find(from) {
            it.allocation.quantity -= piece.quantity;
        }
    }
    packed.retain(|it| it.allocation.quantity > 0);
    Ok(missed)
}

/// Chooses the parcels from which these units are taken. It is the allocation turned round: parcels are its locations, and lines
/// its SKUs. Of equals the smallest parcel is chosen, because it may become empty.
fn pieces(above: &BTreeMap<u32, i64>, packed: &[Packed]) -> Result<Vec<Allocation>, Shortage> {
    let sku = |line: u32| line.to_string();
    let lines: Vec<(u32, String, i64)> = above
        .iter()
        .filter(|(_, units)| **units > 0)
        .map(|(line, units)| (*line, sku(*line), *units))
        .collect();
    let demand: Vec<LineDemand<'_>> = lines
        .iter()
        .map(|(line, sku, quantity)| LineDemand { line: *line, sku, quantity: *quantity })
        .collect();
    let mut sizes: BTreeMap<u32, i64> = BTreeMap::new();
    for Packed { allocation, .. } in packed.iter().filter(|it| !it.has_left) {
        *sizes.entry(allocation.parcel).or_default() += allocation.quantity;
    }
    let mut parcels: Vec<(i64, u32)> = sizes.into_iter().map(|(parcel, size)| (size, parcel)).collect();
    parcels.sort_unstable();
    let ranks: BTreeMap<u32, i32> = parcels.into_iter().map(|(_, parcel)| parcel).zip(0..).collect();
    let levels = packed.iter().filter(|it| !it.has_left && above.contains_key(&it.allocation.line));
    let levels = levels.map(|it| StockLevel {
        sku: sku(it.allocation.line),
        location: name(it),
        rank: ranks.get(&it.allocation.parcel).copied().unwrap_or(0),
        available: it.allocation.quantity,
    });
    allocate(&demand, &levels.collect::<Vec<_>>())
}

fn name(packed: &Packed) -> String {
    packed.allocation.parcel.to_string()
}

/// Adds the units that the order wants and does not have: all of them or none. They go into a parcel that is at their location
/// and has not left, else into a new one. Returns the units added.
pub fn top_up(
    demand: &OrderDemand<'_>,
    packed: &mut Vec<Packed>,
    stock: &[StockLevel],
) -> Result<Vec<Allocation>, Shortage> {
    let collected = missing(&demand.collected, packed);
    let sent = missing(&demand.sent, packed);
    let is_collected = |it: &Packed| demand.collected.iter().any(|line| line.line == it.allocation.line);
    let here = |of_customer: bool| -> BTreeMap<String, u32> {
        let stays = packed.iter().rev().filter(|it| !it.has_left && is_collected(it) == of_customer);
        stays.map(|it| (it.allocation.location.clone(), it.allocation.parcel)).collect()
    };
    let (collected_here, sent_here) = (here(true), here(false));
    let collected = match collected_here.keys().next() {
        _ if collected.is_empty() => Vec::new(),
        None => allocate_at_one(&collected, stock)?,
        // Nobody goes to two places.
        Some(place) => {
            allocate(&collected, stock)?;
            let there: Vec<StockLevel> = stock.iter().filter(|it| it.location == *place).cloned().collect();
            allocate(&collected, &there).map_err(|_| Shortage::Apart)?
        }
    };
    let sent = allocate(&sent, &preferring(&sent_here, &without(stock, &collected)))?;
    let mut last = packed.iter().map(|it| it.allocation.parcel).max().unwrap_or(0);
    let mut added = Vec::new();
    for (units, mut parcels) in [(collected, collected_here), (sent, sent_here)] {
        for unit in units {
            let parcel = *parcels.entry(unit.location.clone()).or_insert_with(|| {
                last += 1;
                last
            });
            added.push(Allocation { parcel, ..unit });
        }
    }
    for unit in &added {
        add(packed, unit);
    }
    Ok(added)
}

fn missing<'a>(wanted: &[LineDemand<'a>], packed: &[Packed]) -> Vec<LineDemand<'a>> {
    let known = |line: u32| -> i64 {
        let of_line = packed.iter().map(|it| &it.allocation).filter(|it| it.line == line);
        of_line.map(|it| it.quantity).sum()
    };
    let lines = wanted.iter().map(|it| LineDemand { quantity: it.quantity - known(it.line), ..*it });
    lines.filter(|it| it.quantity > 0).collect()
}

/// Ranks these locations before all others.
fn preferring(locations: &BTreeMap<String, u32>, stock: &[StockLevel]) -> Vec<StockLevel> {
    let order = |it: &StockLevel| (!locations.contains_key(&it.location), it.rank, it.location.clone());
    let ranked: BTreeSet<_> = stock.iter().map(order).collect();
    let ranks: BTreeMap<String, i32> = ranked.into_iter().map(|(_, _, location)| location).zip(0..).collect();
    let rank = |it: &StockLevel| ranks.get(&it.location).copied().unwrap_or(it.rank);
    stock.iter().map(|it| StockLevel { rank: rank(it), ..it.clone() }).collect()
}

fn add(packed: &mut Vec<Packed>, unit: &Allocation) {
    let Allocation { parcel, line, .. } = *unit;
    let same = |it: &&mut Packed| it.allocation.parcel == parcel && it.allocation.line == line;
    if let Some(it) = packed.iter_mut().find(same) {
        it.allocation.quantity += unit.quantity;
        return;
    }
    let known = packed.iter().find(|it| it.allocation.parcel == parcel);
    let position = known.map_or(0, |it| it.position);
    packed.push(Packed { allocation: unit.clone(), position, has_left: false });
}

#[cfg(test)]
mod tests;
