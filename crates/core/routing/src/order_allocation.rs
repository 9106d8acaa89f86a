//! Decides where the units of an order come from: those that the customer collects, and those that are sent.

use crate::allocation::{Allocation, LineDemand, Shortage, StockLevel, allocate};

/// The lines of an order that take stock.
#[derive(Debug, Clone, Default)]
pub struct OrderDemand<'a> {
    /// The customer collects these, at one location.
    pub collected: Vec<LineDemand<'a>>,
    /// We send these.
    pub sent: Vec<LineDemand<'a>>,
}

/// Decides which locations hold what: all lines or none. Parcels for the customer to collect come first.
pub fn allocate_order(demand: &OrderDemand<'_>, stock: &[StockLevel]) -> Result<Vec<Allocation>, Shortage> {
    if demand.collected.is_empty() {
        return allocate(&demand.sent, stock);
    }
    let mut allocations = allocate_at_one(&demand.collected, stock)?;
    let first = allocations.last().map_or(0, |last| last.parcel);
    let sent = allocate(&demand.sent, &without(stock, &allocations))?.into_iter();
    allocations.extend(sent.map(|it| Allocation { parcel: first + it.parcel, ..it }));
    Ok(allocations)
}

/// Returns the stock that is left after these units are taken.
pub(crate) fn without(stock: &[StockLevel], taken: &[Allocation]) -> Vec<StockLevel> {
    let mut left = stock.to_vec();
    for taken in taken {
        let level = left.iter_mut().find(|it| it.sku == taken.sku && it.location == taken.location);
        if let Some(level) = level {
            level.available -= taken.quantity;
        }
    }
    left
}

/// Takes all lines from the best-ranked location that has them.
pub(crate) fn allocate_at_one(
    wanted: &[LineDemand<'_>],
    stock: &[StockLevel],
) -> Result<Vec<Allocation>, Shortage> {
    // Its error also covers what no location has.
    allocate(wanted, stock)?;
    let mut places: Vec<(i32, &str)> = stock.iter().map(|it| (it.rank, it.location.as_str())).collect();
    places.sort_unstable();
    places.dedup();
    let at = |location: &str| {
        let there: Vec<StockLevel> = stock.iter().filter(|it| it.location == location).cloned().collect();
        allocate(wanted, &there).ok()
    };
    places.into_iter().find_map(|(_, location)| at(location)).ok_or(Shortage::Apart)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stock(levels: &[(&str, &str, i64)]) -> Vec<StockLevel> {
        let level = |(rank, &(sku, location, available)): (i32, &(&str, &str, i64))| StockLevel {
            sku: sku.into(),
            location: location.into(),
            rank,
            available,
        };
        (1..).zip(levels).map(level).collect()
    }

    fn line(line: u32, sku: &str, quantity: i64) -> LineDemand<'_> {
        LineDemand { line, sku, quantity }
    }

    fn held(allocations: Vec<Allocation>) -> Vec<(u32, String, i64, u32)> {
        allocations.into_iter().map(|it| (it.line, it.location, it.quantity, it.parcel)).collect()
    }

    #[test]
    fn what_the_customer_collects_is_at_one_place_and_in_a_parcel_of_its_own() {
        // East is preferred, and has only one of the two.
        let stock = stock(&[("A", "east", 5), ("A", "west", 5), ("B", "west", 5)]);
        let demand =
            OrderDemand { collected: vec![line(1, "A", 1), line(3, "B", 1)], sent: vec![line(2, "A", 2)] };
        let allocations = allocate_order(&demand, &stock).unwrap();
        let (east, west) = ("east".to_owned(), "west".to_owned());
        assert_eq!(held(allocations), [(1, west.clone(), 1, 1), (3, west, 1, 1), (2, east, 2, 2)]);
    }

    #[test]
    fn a_unit_is_not_collected_and_sent() {
        let stock = stock(&[("A", "east", 2)]);
        let demand = OrderDemand { collected: vec![line(1, "A", 2)], sent: vec![line(2, "A", 1)] };
        let short = Shortage::Short { sku: "A".into(), wanted: 1, available: 0 };
        assert_eq!(allocate_order(&demand, &stock), Err(short));
    }

    #[test]
    fn nobody_goes_to_two_places() {
        let stock = stock(&[("A", "east", 1), ("B", "west", 1)]);
        let demand = OrderDemand { collected: vec![line(1, "A", 1), line(2, "B", 1)], sent: Vec::new() };
        assert_eq!(allocate_order(&demand, &stock), Err(Shortage::Apart));
        let sent = OrderDemand { sent: demand.collected, collected: Vec::new() };
        assert_eq!(allocate_order(&sent, &stock).unwrap().len(), 2);
    }

    #[test]
    fn nothing_takes_nothing() {
        assert_eq!(allocate_order(&OrderDemand::default(), &stock(&[("A", "east", 1)])), Ok(Vec::new()));
    }
}
