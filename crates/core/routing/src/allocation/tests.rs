//! Examples of each rule, and properties against an exhaustive search written another way.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

const SKUS: [&str; 3] = ["A", "B", "C"];

fn wanted(lines: &[(&'static str, i64)]) -> Vec<LineDemand<'static>> {
    (1..).zip(lines).map(|(line, (sku, quantity))| LineDemand { line, sku, quantity: *quantity }).collect()
}

fn stock(rows: &[(&str, &str, i32, i64)]) -> Vec<StockLevel> {
    rows.iter()
        .map(|(sku, location, rank, available)| StockLevel {
            sku: (*sku).into(),
            location: (*location).into(),
            rank: *rank,
            available: *available,
        })
        .collect()
}

/// `(line, location, quantity, parcel)` of each allocation.
fn sent(lines: &[(&'static str, i64)], rows: &[(&str, &str, i32, i64)]) -> Vec<(u32, String, i64, u32)> {
    let allocations = allocate(&wanted(lines), &stock(rows)).unwrap();
    allocations.into_iter().map(|a| (a.line, a.location, a.quantity, a.parcel)).collect()
}

#[test]
fn one_parcel_is_better_than_two_of_better_rank() {
    let rows = [("A", "east", 1, 5), ("B", "north", 2, 5), ("A", "west", 9, 2), ("B", "west", 9, 1)];
    assert_eq!(sent(&[("A", 2), ("B", 1)], &rows), [(1, "west".into(), 2, 1), (2, "west".into(), 1, 1)]);
}

#[test]
fn of_equals_the_lower_rank_then_the_lower_id_sends() {
    assert_eq!(sent(&[("A", 1)], &[("A", "b", 2, 5), ("A", "c", 1, 1)]), [(1, "c".into(), 1, 1)]);
    assert_eq!(sent(&[("A", 1)], &[("A", "b", 1, 5), ("A", "a", 1, 1)]), [(1, "a".into(), 1, 1)]);
}

#[test]
fn a_line_is_split_only_when_no_location_has_it_whole() {
    let rows = [("A", "east", 1, 2), ("A", "west", 2, 3)];
    assert_eq!(sent(&[("A", 3)], &rows), [(1, "west".into(), 3, 1)]);
    assert_eq!(sent(&[("A", 4)], &rows), [(1, "east".into(), 1, 1), (1, "west".into(), 3, 2)]);
}

#[test]
fn of_two_ways_with_as_many_parcels_the_one_without_a_split_is_taken() {
    let rows = [("A", "a", 1, 1), ("A", "b", 2, 1), ("B", "b", 2, 1), ("A", "d", 9, 2)];
    assert_eq!(sent(&[("A", 2), ("B", 1)], &rows), [(2, "b".into(), 1, 1), (1, "d".into(), 2, 2)]);
}

#[test]
fn lines_of_one_sku_share_its_stock() {
    let rows = [("A", "east", 1, 3), ("A", "west", 2, 2)];
    assert_eq!(sent(&[("A", 2), ("A", 3)], &rows), [(2, "east".into(), 3, 1), (1, "west".into(), 2, 2)]);
    let short = allocate(&wanted(&[("A", 2), ("A", 4)]), &stock(&rows));
    assert_eq!(short, Err(Shortage::Short { sku: "A".into(), wanted: 6, available: 5 }));
}

#[test]
fn what_is_sold_out_is_short_and_what_was_never_stocked_is_unknown() {
    let rows = [("A", "east", 1, 0)];
    let outcome = |sku| allocate(&wanted(&[(sku, 1)]), &stock(&rows));
    assert_eq!(outcome("A"), Err(Shortage::Short { sku: "A".into(), wanted: 1, available: 0 }));
    assert_eq!(outcome("B"), Err(Shortage::Unknown("B".into())));
}

#[test]
fn a_hundred_locations_are_searched_in_time() {
    let rows: Vec<StockLevel> = (0..100)
        .map(|n| StockLevel {
            sku: "A".into(),
            location: format!("{n:03}"),
            rank: n,
            available: 1 + i64::from(n),
        })
        .collect();
    let one = allocate(&wanted(&[("A", 100)]), &rows).unwrap();
    assert_eq!((one.len(), one[0].location.as_str()), (1, "099"));
    let all = allocate(&wanted(&[("A", 5050)]), &rows).unwrap();
    assert_eq!(all.last().map(|last| last.parcel), Some(100));
}

fn an_order() -> impl Strategy<Value = Vec<(&'static str, i64)>> {
    prop::collection::vec((prop::sample::select(&SKUS), 1_i64..6), 1..5)
}

fn some_stock() -> impl Strategy<Value = Vec<StockLevel>> {
    prop::collection::vec((0_usize..3, 0_i64..7), 0..12).prop_map(|cells| {
        let mut seen = BTreeSet::new();
        let cells = cells.into_iter().enumerate().map(|(n, (sku, available))| (SKUS[sku], n % 5, available));
        cells
            .filter(|(sku, place, _)| seen.insert((*sku, *place)))
            .map(|(sku, place, available)| StockLevel {
                sku: sku.into(),
                location: format!("l{place}"),
                rank: i32::try_from(place % 3).unwrap(),
                available,
            })
            .collect()
    })
}

fn held(stock: &[StockLevel], sku: &str, location: &str) -> i64 {
    stock.iter().filter(|s| s.sku == sku && s.location == location).map(|s| s.available).sum()
}

/// All sets of locations that together have what is wanted.
fn covering_sets(lines: &[LineDemand<'_>], stock: &[StockLevel]) -> Vec<Vec<String>> {
    let locations: BTreeSet<String> = stock.iter().map(|s| s.location.clone()).collect();
    let mut sets = vec![Vec::new()];
    for location in locations {
        let with: Vec<Vec<String>> = sets
            .iter()
            .map(|set: &Vec<String>| [set.as_slice(), std::slice::from_ref(&location)].concat())
            .collect();
        sets.extend(with);
    }
    sets.retain(|set| {
        SKUS.iter().all(|sku| {
            let need: i64 = lines.iter().filter(|l| l.sku == *sku).map(|l| l.quantity).sum();
            set.iter().map(|location| held(stock, sku, location)).sum::<i64>() >= need
        })
    });
    sets
}

/// In how many pieces the locations of a covering set can send a line that shares its SKU with no other.
fn fewest_pieces(set: &[String], line: &LineDemand<'_>, stock: &[StockLevel]) -> usize {
    let mut units: Vec<i64> = set.iter().map(|location| held(stock, line.sku, location)).collect();
    units.sort_unstable();
    let mut missing = line.quantity;
    let needed = |units: &i64| {
        let needed = missing > 0;
        missing -= units;
        needed
    };
    units.iter().rev().copied().take_while(needed).count()
}

proptest! {
    #[test]
    fn everything_wanted_is_sent_from_what_there_is(lines in an_order(), stock in some_stock()) {
        let lines = wanted(&lines);
        let Ok(allocations) = allocate(&lines, &stock) else {
            prop_assert!(covering_sets(&lines, &stock).is_empty());
            return Ok(());
        };
        for line in &lines {
            let of_line = allocations.iter().filter(|a| a.line == line.line);
            prop_assert!(of_line.clone().all(|a| a.sku == line.sku && a.quantity > 0));
            prop_assert_eq!(of_line.map(|a| a.quantity).sum::<i64>(), line.quantity);
        }
        for StockLevel { sku, location, available, .. } in &stock {
            let sent = allocations.iter().filter(|a| a.sku == *sku && a.location == *location);
            prop_assert!(sent.map(|a| a.quantity).sum::<i64>() <= *available);
        }
        let places: BTreeSet<_> = allocations.iter().map(|a| (&a.location, a.line)).collect();
        prop_assert_eq!(places.len(), allocations.len(), "a line's units at a location are one allocation");
    }

    #[test]
    fn parcels_are_the_fewest_numbered_by_rank(lines in an_order(), stock in some_stock()) {
        let lines = wanted(&lines);
        let Ok(allocations) = allocate(&lines, &stock) else { return Ok(()) };
        let rank = |location: &str| stock.iter().find(|s| s.location == location).map(|s| s.rank);
        let mut places: Vec<_> =
            allocations.iter().map(|a| (a.parcel, rank(&a.location), a.location.clone())).collect();
        places.dedup();
        let numbers: Vec<u32> = places.iter().map(|place| place.0).collect();
        prop_assert_eq!(numbers, (1..).take(places.len()).collect::<Vec<u32>>());
        prop_assert!(places.is_sorted_by_key(|place| (place.1, place.2.clone())));
        let fewest = covering_sets(&lines, &stock).iter().map(Vec::len).min();
        prop_assert_eq!(Some(places.len()), fewest);
    }

    #[test]
    fn lines_of_different_skus_are_split_only_where_they_must_be(
        quantities in prop::collection::vec(1_i64..6, 1..=3), stock in some_stock()
    ) {
        let lines: Vec<_> = SKUS.into_iter().zip(quantities).collect();
        let lines = wanted(&lines);
        let Ok(allocations) = allocate(&lines, &stock) else { return Ok(()) };
        let sets = covering_sets(&lines, &stock);
        let fewest = sets.iter().map(Vec::len).min().unwrap();
        let least = sets.iter().filter(|set| set.len() == fewest).map(|set| {
            lines.iter().map(|line| fewest_pieces(set, line, &stock)).sum::<usize>()
        });
        prop_assert_eq!(Some(allocations.len()), least.min());
    }
}
