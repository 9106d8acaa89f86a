//! Decides which location sends what, from one order and the stock of its SKUs. It prefers fewest parcels, then fewest
//! lines split over parcels, then the locations' rank.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};

use serde::Serialize;

/// Most locations for which every set of them is tried to find the best one. With more locations, the one with most of
/// what is still missing is taken until nothing is missing.
const EXACT: usize = 12;

/// A line of the order.
#[derive(Debug, Clone, Copy)]
pub struct LineDemand<'a> {
    /// The line's number within the order.
    pub line: u32,
    /// The SKU to send.
    pub sku: &'a str,
    /// Units, at least 1.
    pub quantity: i64,
}

/// The stock of one SKU at one location.
#[derive(Debug, Clone)]
pub struct StockLevel {
    /// The SKU.
    pub sku: String,
    /// The location's id.
    pub location: String,
    /// The location's rank; lower is preferred.
    pub rank: i32,
    /// Units that are not reserved; may be 0.
    pub available: i64,
}

/// Units of a line that one location sends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Allocation {
    /// The line's number within the order.
    pub line: u32,
    /// The SKU to send.
    pub sku: String,
    /// The location's id.
    pub location: String,
    /// Units, at least 1.
    pub quantity: i64,
    /// The parcel that they go into, numbered from 1 by the locations' rank.
    pub parcel: u32,
}

/// Why an order cannot be fulfilled.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Shortage {
    /// No location has ever stocked the SKU.
    #[error("expected a SKU of the catalogue, found {0:?}")]
    Unknown(String),
    /// All locations together have too few units.
    #[error("expected {wanted} units of SKU {sku:?}, found {available} available")]
    Short {
        /// The SKU.
        sku: String,
        /// Units ordered, over all lines.
        wanted: i64,
        /// Units that are not reserved, over all locations.
        available: i64,
    },
    /// The customer collects several lines, and no location has all of them.
    #[error("expected one location with everything that the customer collects, found none")]
    Apart,
}

/// One location's offer to this order.
struct Place<'a> {
    location: &'a str,
    units: HashMap<&'a str, i64>,
}

/// Units of a line (by index) from a place (by index).
struct Piece {
    line: usize,
    place: usize,
    quantity: i64,
}

/// Decides which locations send what: all lines or none.
pub fn allocate(wanted: &[LineDemand<'_>], stock: &[StockLevel]) -> Result<Vec<Allocation>, Shortage> {
    let demand = demand(wanted);
    check(&demand, stock)?;
    let places = places(stock);
    let chosen = choose(wanted, &demand, &places);
    let mut pieces = fill(wanted, &chosen);
    pieces.sort_by_key(|piece| (piece.place, piece.line));
    let mut allocations: Vec<Allocation> = Vec::with_capacity(pieces.len());
    for Piece { line, place, quantity } in pieces {
        let location = chosen[place].location;
        let parcel = match allocations.last() {
            None => 1,
            Some(last) => last.parcel + u32::from(last.location != location),
        };
        let LineDemand { line, sku, .. } = wanted[line];
        allocations.push(Allocation { line, sku: sku.into(), location: location.into(), quantity, parcel });
    }
    Ok(allocations)
}

/// Adds up the units per SKU, over all lines.
fn demand<'a>(wanted: &[LineDemand<'a>]) -> BTreeMap<&'a str, i64> {
    let mut demand = BTreeMap::new();
    for LineDemand { sku, quantity, .. } in wanted {
        let units: &mut i64 = demand.entry(*sku).or_default();
        *units = units.saturating_add(*quantity);
    }
    demand
}

fn check(demand: &BTreeMap<&str, i64>, stock: &[StockLevel]) -> Result<(), Shortage> {
    for (&sku, &wanted) in demand {
        let mut offers = stock.iter().filter(|stocked| stocked.sku == sku).peekable();
        if offers.peek().is_none() {
            return Err(Shortage::Unknown(sku.into()));
        }
        let available = offers.map(|stocked| stocked.available).fold(0, i64::saturating_add);
        if available < wanted {
            return Err(Shortage::Short { sku: sku.into(), wanted, available });
        }
    }
    Ok(())
}

/// Lists the locations that have stock, best rank first.
fn places(stock: &[StockLevel]) -> Vec<Place<'_>> {
    let mut places = BTreeMap::new();
    for StockLevel { sku, location, rank, available } in stock {
        if *available > 0 {
            let units: &mut HashMap<_, _> = places.entry((*rank, location.as_str())).or_default();
            units.insert(sku.as_str(), *available);
        }
    }
    places.into_iter().map(|((_, location), units)| Place { location, units }).collect()
}

fn choose<'p, 'a>(
    wanted: &[LineDemand<'_>],
    demand: &BTreeMap<&str, i64>,
    places: &'p [Place<'a>],
) -> Vec<&'p Place<'a>> {
    if places.len() > EXACT {
        return greedy(demand, places);
    }
    // The first place is the highest bit, so of the sets of one size those of better ranks come first.
    let bit = |index: usize| 1_u32 << (places.len() - 1 - index);
    let members = |set: u32| -> Vec<&Place<'_>> {
        let chosen = places.iter().enumerate().filter(|(index, _)| set & bit(*index) != 0);
        chosen.map(|(_, place)| place).collect()
    };
    let best_of = |size: usize| {
        let sets = (1..1_u32 << places.len()).rev().filter(|set| set.count_ones() as usize == size);
        let covering = sets.map(members).filter(|chosen| covers(demand, chosen));
        covering.min_by_key(|chosen| splits(&fill(wanted, chosen)))
    };
    // Without demand no set is needed. Otherwise all places together cover it, as was checked.
    (1..=places.len()).find_map(best_of).unwrap_or_default()
}

fn covers(demand: &BTreeMap<&str, i64>, chosen: &[&Place<'_>]) -> bool {
    demand.iter().all(|(sku, wanted)| {
        let units = chosen.iter().filter_map(|place| place.units.get(sku));
        units.fold(0, |sum: i64, units| sum.saturating_add(*units)) >= *wanted
    })
}

fn greedy<'p, 'a>(demand: &BTreeMap<&str, i64>, places: &'p [Place<'a>]) -> Vec<&'p Place<'a>> {
    let mut missing = demand.clone();
    let mut chosen = Vec::new();
    let mut left: Vec<usize> = (0..places.len()).collect();
    while missing.values().any(|units| *units > 0) {
        let gives = |place: usize| -> i64 {
            let units = |sku: &str| places[place].units.get(sku).copied().unwrap_or(0);
            missing.iter().map(|(sku, wanted)| units(sku).min(*wanted)).fold(0, i64::saturating_add)
        };
        // Of equal places, the one of better rank comes first.
        let Some(best) = left.iter().copied().min_by_key(|place| Reverse(gives(*place))) else { break };
        for (sku, wanted) in &mut missing {
            *wanted -= places[best].units.get(sku).copied().unwrap_or(0).min(*wanted);
        }
        left.retain(|place| *place != best);
        chosen.push(best);
    }
    chosen.sort_unstable();
    chosen.into_iter().map(|place| &places[place]).collect()
}

/// Fills the lines from places that cover them. The largest lines come first, each whole from the first place that can.
/// A line that no place can send whole is split, from the place with most left.
fn fill(wanted: &[LineDemand<'_>], chosen: &[&Place<'_>]) -> Vec<Piece> {
    let mut left: Vec<HashMap<&str, i64>> = chosen.iter().map(|place| place.units.clone()).collect();
    let mut lines: Vec<usize> = (0..wanted.len()).collect();
    lines.sort_by_key(|line| Reverse(wanted[*line].quantity));
    let mut pieces = Vec::with_capacity(wanted.len());
    lines.retain(|&line| {
        let LineDemand { sku, quantity, .. } = wanted[line];
        let whole = left.iter().position(|units| units.get(sku).is_some_and(|units| *units >= quantity));
        if let Some(place) = whole {
            take(&mut left[place], sku, quantity);
            pieces.push(Piece { line, place, quantity });
        }
        whole.is_none()
    });
    for line in lines {
        let LineDemand { sku, mut quantity, .. } = wanted[line];
        let units = |units: &HashMap<&str, i64>| units.get(sku).copied().unwrap_or(0);
        let mut places: Vec<usize> = (0..left.len()).collect();
        places.sort_by_key(|place| Reverse(units(&left[*place])));
        for place in places {
            let part = units(&left[place]).min(quantity);
            if part > 0 {
                take(&mut left[place], sku, part);
                pieces.push(Piece { line, place, quantity: part });
                quantity -= part;
            }
        }
    }
    pieces
}

fn take(units: &mut HashMap<&str, i64>, sku: &str, quantity: i64) {
    if let Some(units) = units.get_mut(sku) {
        *units -= quantity;
    }
}

/// Counts the pieces beyond one for each line.
fn splits(pieces: &[Piece]) -> usize {
    let mut lines: Vec<usize> = pieces.iter().map(|piece| piece.line).collect();
    lines.sort_unstable();
    lines.windows(2).filter(|pair| pair[0] == pair[1]).count()
}

#[cfg(test)]
mod tests;
