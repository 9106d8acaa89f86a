//! Examples of each rule; and orders that change at random, with parcels that leave in between.

use proptest::prelude::*;

use super::*;
use crate::repacking::{Repacking, renumber, repack};

const SKUS: [&str; 3] = ["A", "B", "C"];
const LOCATIONS: [&str; 3] = ["east", "north", "west"];

/// `(line, location, quantity, parcel, has_left)`, of the SKU that the line's number names.
fn packed(rows: &[(u32, &str, i64, u32, bool)]) -> Vec<Packed> {
    let unit = |&(line, location, quantity, parcel, has_left): &(u32, &str, i64, u32, bool)| Packed {
        allocation: Allocation { line, sku: sku(line).into(), location: location.into(), quantity, parcel },
        position: parcel,
        has_left,
    };
    rows.iter().map(unit).collect()
}

fn sku(line: u32) -> &'static str {
    SKUS[line as usize % SKUS.len()]
}

fn units(packed: &[Packed]) -> Vec<(u32, i64, u32)> {
    packed.iter().map(|it| (it.allocation.line, it.allocation.quantity, it.allocation.parcel)).collect()
}

fn stock(rows: &[(&str, &str, i64)]) -> Vec<StockLevel> {
    let level = |(rank, &(sku, location, available)): (i32, &(&str, &str, i64))| StockLevel {
        sku: sku.into(),
        location: location.into(),
        rank,
        available,
    };
    (1..).zip(rows).map(level).collect()
}

fn of_lines(lines: &[(u32, i64)]) -> Vec<LineDemand<'static>> {
    lines.iter().map(|&(line, quantity)| LineDemand { line, sku: sku(line), quantity }).collect()
}

#[test]
fn units_are_taken_from_the_fewest_parcels_and_the_smallest() {
    let mut all = packed(&[(1, "east", 2, 1, false), (1, "west", 1, 2, false), (2, "east", 3, 1, false)]);
    assert_eq!(take_off(&[(1, 2), (2, 3)].into(), &mut all), Ok(vec![]));
    assert_eq!(units(&all), [(1, 2, 1), (2, 3, 1)], "the second parcel is empty now");
    let mut all = packed(&[(1, "east", 2, 1, false), (1, "west", 1, 2, false), (2, "east", 3, 1, false)]);
    assert_eq!(take_off(&[(1, 2), (2, 1)].into(), &mut all), Ok(vec![]));
    assert_eq!(units(&all), [(1, 1, 1), (1, 1, 2), (2, 1, 1)], "one parcel gives both");
}

#[test]
fn units_that_have_left_are_missed_and_the_others_taken() {
    let mut all = packed(&[(1, "east", 2, 1, true), (1, "west", 1, 2, false)]);
    let missed = take_off(&[(1, 1)].into(), &mut all).unwrap();
    assert_eq!(units(&all), [(1, 2, 1)]);
    let missed: Vec<_> = missed.into_iter().map(|it| (it.line, it.quantity, it.parcel)).collect();
    assert_eq!(missed, [(1, 1, 1)]);
}

#[test]
fn added_units_go_into_a_parcel_that_is_there_still() {
    let before = packed(&[(1, "east", 1, 1, true), (1, "west", 1, 2, false)]);
    let levels = stock(&[("B", "east", 9), ("B", "west", 9), ("C", "east", 9)]);
    let demand = |lines: &[(u32, i64)]| OrderDemand { sent: of_lines(lines), ..OrderDemand::default() };
    let mut after = before.clone();
    top_up(&demand(&[(1, 3)]), &mut after, &levels).unwrap();
    assert_eq!(units(&after), [(1, 1, 1), (1, 2, 2)], "west has a parcel; the one of east has left");
    let mut after = before.clone();
    top_up(&demand(&[(1, 2), (2, 1)]), &mut after, &levels).unwrap();
    assert_eq!(units(&after), [(1, 1, 1), (1, 1, 2), (2, 1, 3)]);
    let mut after = before.clone();
    assert!(top_up(&demand(&[(1, 99), (2, 1)]), &mut after, &levels).is_err());
    assert_eq!(after, before, "all or none");
}

#[test]
fn what_the_customer_collects_besides_is_where_the_rest_is() {
    let mut all = packed(&[(1, "west", 1, 1, false)]);
    let demand = OrderDemand { collected: of_lines(&[(1, 1), (2, 1)]), sent: of_lines(&[(4, 1)]) };
    let levels = stock(&[("B", "east", 9), ("B", "west", 9), ("C", "east", 9)]);
    assert_eq!(top_up(&demand, &mut all, &levels), Err(Shortage::Apart));
    let levels = stock(&[("C", "east", 9), ("C", "west", 1), ("B", "west", 1)]);
    top_up(&demand, &mut all, &levels).unwrap();
    assert_eq!(
        units(&all),
        [(1, 1, 1), (2, 1, 1), (4, 1, 2)],
        "sent and collected units are never in one parcel"
    );
}

#[test]
fn a_parcel_that_changes_gets_a_new_number_and_keeps_its_place() {
    let before = packed(&[(1, "east", 2, 1, false), (2, "west", 1, 2, false), (4, "north", 1, 3, true)]);
    let after = packed(&[(1, "east", 1, 1, false), (2, "west", 1, 2, false), (4, "north", 1, 3, true)]);
    let Repacking { packed: all, voided, made, of, last } = repack(&before, &after, |_| false, 3);
    assert_eq!(
        (units(&all), voided, made, of, last),
        (vec![(2, 1, 2), (4, 1, 3), (1, 1, 4)], vec![1], vec![4], 3, 4)
    );
    assert_eq!(all.iter().map(|it| it.position).collect::<Vec<_>>(), [2, 3, 1]);
    let remade = repack(&before, &after, |_| true, 7);
    assert_eq!((remade.voided, remade.made), (vec![1, 2], vec![8, 9]), "a parcel that has left stays");
}

#[test]
fn the_number_of_an_emptied_parcel_is_gone_and_its_place_is_free() {
    let before = packed(&[(1, "east", 2, 1, false), (2, "west", 1, 2, false)]);
    let emptied = repack(&before, &packed(&[(1, "east", 2, 1, false)]), |_| false, 0);
    assert_eq!((&emptied.voided[..], emptied.made.len(), emptied.of, emptied.last), (&[2][..], 0, 1, 2));
    let mut more = emptied.packed.clone();
    add(&mut more, &packed(&[(2, "west", 1, 2, false)])[0].allocation);
    let refilled = repack(&emptied.packed, &more, |_| false, emptied.last);
    assert_eq!(
        (units(&refilled.packed), refilled.made, refilled.of),
        (vec![(1, 2, 1), (2, 1, 3)], vec![3], 2)
    );
    assert_eq!(refilled.packed[1].position, 2);
}

/// Fewest parcels from which these units can be taken, found by trying every set of them.
fn fewest(packed: &[Packed], wanted: &BTreeMap<u32, i64>) -> usize {
    let parcels: Vec<u32> =
        packed.iter().map(|it| it.allocation.parcel).collect::<BTreeSet<_>>().into_iter().collect();
    let units = |line: u32, of: &dyn Fn(u32) -> bool| -> i64 {
        let there = packed.iter().map(|it| &it.allocation).filter(|it| it.line == line && of(it.parcel));
        there.map(|it| it.quantity).sum()
    };
    let lines: BTreeSet<u32> = packed.iter().map(|it| it.allocation.line).collect();
    let is_enough = |set: u32| {
        let chosen =
            |parcel: u32| parcels.iter().position(|it| *it == parcel).is_some_and(|at| set & (1 << at) != 0);
        lines
            .iter()
            .all(|&line| units(line, &|_| true) - wanted.get(&line).unwrap_or(&0) <= units(line, &chosen))
    };
    let sets = (0..1_u32 << parcels.len()).filter(|set| is_enough(*set));
    sets.map(|set| set.count_ones() as usize).min().unwrap()
}

fn parcels_of(packed: &[Packed]) -> BTreeMap<u32, Vec<Packed>> {
    let mut parcels: BTreeMap<u32, Vec<Packed>> = BTreeMap::new();
    for it in packed {
        parcels.entry(it.allocation.parcel).or_default().push(it.clone());
    }
    parcels
}

fn to_send(wanted: &BTreeMap<u32, i64>) -> OrderDemand<'static> {
    let lines: Vec<(u32, i64)> = wanted.iter().map(|(line, units)| (*line, *units)).collect();
    OrderDemand { sent: of_lines(&lines), ..OrderDemand::default() }
}

fn any_parcels() -> impl Strategy<Value = Vec<Packed>> {
    prop::collection::btree_map((1_u32..6, 1_u32..5), 1_i64..4, 1..12).prop_map(|units| {
        let rows: Vec<_> = units
            .into_iter()
            .map(|((parcel, line), quantity)| (line, "east", quantity, parcel, false))
            .collect();
        packed(&rows)
    })
}

/// A change of an order: its units by line; whether labels are wrong; a parcel that leaves before, if there is one.
fn any_change() -> impl Strategy<Value = (BTreeMap<u32, i64>, bool, Option<u32>)> {
    (prop::collection::btree_map(1_u32..6, 1_i64..5, 0..5), any::<bool>(), prop::option::of(1_u32..9))
}

proptest! {
    #[test]
    fn the_fewest_parcels_are_touched(before in any_parcels(), wanted in prop::collection::btree_map(1_u32..5, 0_i64..6, 0..5)) {
        let mut after = before.clone();
        prop_assert_eq!(take_off(&wanted, &mut after), Ok(vec![]));
        let (old, new) = (parcels_of(&before), parcels_of(&after));
        let touched = old.iter().filter(|(number, units)| new.get(number) != Some(units)).count();
        prop_assert_eq!(touched, fewest(&before, &wanted));
    }

    /// The order has, after any changes, what it wants, as far as nothing left; units are neither made nor lost; no parcel's number
    /// ever stands for two contents; labels are distinct.
    #[test]
    fn a_changed_order_has_what_it_wants_and_no_number_is_used_twice(
        levels in prop::collection::vec((0..SKUS.len(), 0..LOCATIONS.len(), 0_i64..9), 1..9),
        first in prop::collection::btree_map(1_u32..6, 1_i64..4, 1..4),
        changes in prop::collection::vec(any_change(), 1..8),
    ) {
        let levels: BTreeMap<_, _> = levels.into_iter().map(|(sku, at, units)| ((SKUS[sku], LOCATIONS[at]), units)).collect();
        let mut levels = stock(&levels.iter().map(|((sku, at), units)| (*sku, *at, *units)).collect::<Vec<_>>());
        let received: i64 = levels.iter().map(|it| it.available).sum();
        let mut all = Vec::new();
        let Ok(taken) = top_up(&to_send(&first), &mut all, &levels) else { return Ok(()) };
        levels = without(&levels, &taken);
        all = renumber(all);
        let mut contents = parcels_of(&all);
        let (mut last, mut void) = (0, BTreeSet::new());
        for (wanted, needs_labels, leaves) in changes {
            for it in all.iter_mut().filter(|it| Some(it.allocation.parcel) == leaves) {
                it.has_left = true;
            }
            let before = all.clone();
            let missed = take_off(&wanted, &mut all).unwrap();
            for level in &mut levels {
                let there = |all: &[Packed]| -> i64 {
                    let units = all.iter().map(|it| &it.allocation);
                    units.filter(|it| it.sku == level.sku && it.location == level.location).map(|it| it.quantity).sum()
                };
                level.available += there(&before) - there(&all);
            }
            let is_complete = match top_up(&to_send(&wanted), &mut all, &levels) {
                Ok(taken) => { levels = without(&levels, &taken); true }
                Err(_) => false,
            };
            let repacking = repack(&before, &all, |_| needs_labels, last);
            (all, last) = (repacking.packed, repacking.last);
            let in_all: i64 = all.iter().map(|it| it.allocation.quantity).sum();
            prop_assert_eq!(received, in_all + levels.iter().map(|it| it.available).sum::<i64>());
            prop_assert!(levels.iter().all(|it| it.available >= 0));
            for line in 1..6 {
                let is_here: i64 = all.iter().filter(|it| it.allocation.line == line).map(|it| it.allocation.quantity).sum();
                let missed: i64 = missed.iter().filter(|it| it.line == line).map(|it| it.quantity).sum();
                let wanted = wanted.get(&line).copied().unwrap_or(0);
                prop_assert!(is_here <= wanted + missed);
                prop_assert!(!is_complete || is_here == wanted + missed);
            }
            void.extend(repacking.voided.iter().copied());
            let mut places = BTreeSet::new();
            for (number, mut units) in parcels_of(&all) {
                prop_assert!(!void.contains(&number) && number <= last);
                prop_assert_eq!(repacking.made.contains(&number), !contents.contains_key(&number));
                let is_made = repacking.made.contains(&number);
                prop_assert!(units[0].position >= 1 && (!is_made || units[0].position <= repacking.of));
                prop_assert!(places.insert(units[0].position), "two labels say the same");
                for it in &mut units {
                    it.has_left = false;
                }
                let known = contents.entry(number).or_insert_with(|| units.clone());
                prop_assert_eq!(&*known, &units);
            }
            let gone = |number: &u32| all.iter().all(|it| it.allocation.parcel != *number);
            prop_assert!(contents.keys().all(|number| gone(number) == void.contains(number)));
        }
    }
}
