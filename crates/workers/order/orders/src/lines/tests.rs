//! Numbers never change, and the shop says how many units stand.

use despatch_contracts::order::TaxLine;
use proptest::prelude::*;

use super::*;

fn line(number: u32, id: &str, quantity: i64, removed: i64, total_minor: i64) -> Line {
    Line {
        number,
        shop_line_id: id.into(),
        sku: format!("SKU-{id}"),
        quantity,
        removed,
        total_minor,
        ..Line::default()
    }
}

fn by_other(line: Line) -> Line {
    Line { fulfilment: Fulfilment::OtherService.into(), ..line }
}

/// Number, units, of these removed, total.
fn told(lines: &[Line]) -> Vec<(u32, i64, i64, i64)> {
    lines.iter().map(|it| (it.number, it.quantity, it.removed, it.total_minor)).collect()
}

#[test]
fn a_line_that_is_gone_stays_and_a_new_one_gets_the_next_number() {
    let known = [line(1, "a", 2, 0, 200), line(2, "b", 1, 0, 50)];
    // The shop numbers the lines that are left from 1.
    let newer = [line(1, "b", 1, 0, 50), line(2, "c", 3, 0, 90)];
    let next = continued(&known, &newer);
    assert_eq!(told(&next), [(1, 2, 2, 0), (2, 1, 0, 50), (3, 3, 0, 90)]);
    // It comes back, and another one goes.
    let newer = [line(1, "a", 1, 0, 100), line(2, "c", 3, 0, 90)];
    assert_eq!(told(&continued(&next, &newer)), [(1, 2, 1, 100), (2, 1, 1, 0), (3, 3, 0, 90)]);
}

#[test]
fn a_line_that_never_stood_here_is_none() {
    let next = continued(&[line(1, "a", 2, 0, 200)], &[line(1, "a", 2, 0, 200), line(2, "b", 1, 1, 0)]);
    assert_eq!(told(&next), [(1, 2, 0, 200)]);
}

#[test]
fn more_units_stand_on_the_line_that_has_them() {
    let known = [line(1, "a", 3, 1, 200)];
    assert_eq!(told(&continued(&known, &[line(1, "a", 3, 0, 300)])), [(1, 3, 0, 300)]);
    assert_eq!(told(&continued(&known, &[line(1, "a", 6, 1, 500)])), [(1, 5, 0, 500)]);
}

#[test]
fn lines_without_ids_are_those_of_their_sku() {
    let bare = |line: Line, sku: &str| Line { shop_line_id: String::new(), sku: sku.into(), ..line };
    let known = [bare(line(1, "", 2, 0, 200), "A"), bare(line(2, "", 1, 0, 100), "A")];
    let next = continued(&known, &[bare(line(1, "", 2, 0, 200), "A")]);
    assert_eq!(next.iter().map(kept).sum::<i64>(), 2);
    assert_eq!(next.iter().map(|line| line.total_minor).sum::<i64>(), 200);
    let next = continued(&known, &[bare(line(1, "", 1, 0, 90), "B")]);
    assert_eq!(told(&next), [(1, 2, 2, 0), (2, 1, 1, 0), (3, 1, 0, 90)]);
}

#[test]
fn units_that_the_shop_calls_sent_are_ours_all_the_same() {
    let known = [line(1, "a", 3, 0, 300)];
    let newer = [line(1, "a", 1, 0, 100), by_other(line(2, "a", 2, 0, 200))];
    assert_eq!(continued(&known, &newer), known);
    // Two were sent before the order came here; the shop takes one off, and adds two.
    let known = [line(1, "a", 1, 0, 100), by_other(line(2, "a", 2, 0, 200))];
    assert_eq!(
        told(&continued(&known, &[by_other(line(1, "a", 2, 0, 200))])),
        [(1, 1, 1, 0), (2, 2, 0, 200)]
    );
    assert_eq!(told(&continued(&known, &[line(1, "a", 5, 0, 500)])), [(1, 3, 0, 300), (2, 2, 0, 200)]);
    // All were; a further unit is for us.
    let known = [by_other(line(1, "a", 2, 0, 200))];
    let newer = [line(1, "a", 1, 0, 100), by_other(line(2, "a", 2, 0, 200))];
    let next = continued(&known, &newer);
    assert_eq!(told(&next), [(1, 2, 0, 200), (2, 1, 0, 100)]);
    assert_eq!((next[0].our_units(), next[1].our_units()), (0, 1));
    assert_eq!(continued(&next, &newer), next);
}

#[test]
fn the_sku_under_which_units_are_reserved_stays_and_the_rest_is_the_shop_s() {
    let known = [Line { sku: "CORRECTED".into(), title: "Shelf".into(), ..line(4, "a", 1, 0, 100) }];
    let tax = TaxLine { amount_minor: 7, ..TaxLine::default() };
    let newer = [Line { title: "Shelf, oak".into(), taxes: vec![tax], ..line(1, "a", 1, 0, 90) }];
    let [next] = &continued(&known, &newer)[..] else { panic!("one line") };
    assert_eq!(
        (&*next.sku, &*next.title, next.total_minor, next.taxes.len()),
        ("CORRECTED", "Shelf, oak", 90, 1)
    );
}

#[test]
fn a_new_line_of_a_bundle_names_the_bundle_by_its_number_here() {
    let bundle = Fulfilment::None.into();
    let known = [line(1, "x", 1, 0, 10), Line { fulfilment: bundle, ..line(2, "b", 1, 0, 100) }];
    let newer = [
        Line { fulfilment: bundle, ..line(1, "b", 1, 0, 100) },
        Line { bundle: 1, ..line(2, "part", 1, 0, 0) },
        Line { fulfilment: bundle, ..line(3, "c", 1, 0, 50) },
        Line { bundle: 3, ..line(4, "other", 1, 0, 0) },
    ];
    let next = continued(&known, &newer);
    assert_eq!(
        next.iter().map(|it| (it.number, it.bundle)).collect::<Vec<_>>(),
        [(1, 0), (2, 0), (3, 2), (4, 0), (5, 4)]
    );
    assert_eq!(continued(&next, &newer), next);
}

#[test]
fn units_that_are_collected_do_not_become_units_that_are_sent() {
    let collected = |line: Line| Line { fulfilment: Fulfilment::Pickup.into(), ..line };
    let (sent, off) = ([line(1, "a", 1, 0, 100)], [line(1, "a", 1, 1, 0)]);
    assert!(go_otherwise(&sent, &[collected(line(1, "a", 1, 0, 100))]));
    assert!(go_otherwise(&[collected(line(1, "a", 1, 0, 100))], &sent));
    assert!(!go_otherwise(&sent, &sent) && !go_otherwise(&off, &[collected(line(1, "a", 1, 0, 100))]));
}

/// Lines of a shop: an item each, perhaps some of whose units were sent before.
fn any_lines() -> impl Strategy<Value = Vec<Line>> {
    let item = (0_i64..5, 0_i64..3, 0_i64..900, prop::option::of(1_i64..3));
    prop::collection::btree_map(0_u32..5, item, 0..5).prop_map(|items| {
        let mut lines = Vec::new();
        for (item, (units, removed, total, sent)) in items {
            let total = if units > 0 { total } else { 0 };
            lines.push(line(0, &item.to_string(), units + removed, removed, total));
            lines.extend(sent.map(|sent| by_other(line(0, &item.to_string(), sent, 0, sent * 10))));
        }
        (1..).zip(&mut lines).for_each(|(number, line)| line.number = number);
        lines
    })
}

fn of_item<'a>(lines: &'a [Line], item: &'a str) -> impl Iterator<Item = &'a Line> {
    lines.iter().filter(move |line| line.shop_line_id == item)
}

proptest! {
    #[test]
    fn what_stands_is_what_the_shop_says_under_numbers_that_never_change(
        words in prop::collection::vec(any_lines(), 1..6),
    ) {
        let mut known = words[0].clone();
        for newer in &words {
            let next = continued(&known, newer);
            for item in (0..5).map(|item| item.to_string()) {
                let units = |lines: &[Line]| of_item(lines, &item).map(kept).sum::<i64>();
                let total = |lines: &[Line]| of_item(lines, &item).map(|line| line.total_minor).sum::<i64>();
                prop_assert_eq!((units(&next), total(&next)), (units(newer), total(newer)), "{:?}", next);
            }
            for (was, is) in known.iter().zip(&next) {
                prop_assert_eq!((was.number, &was.sku, was.fulfilment), (is.number, &is.sku, is.fulfilment));
            }
            let numbers: Vec<u32> = next.iter().map(|line| line.number).collect();
            prop_assert!(numbers.is_sorted_by(|one, two| one < two), "{:?}", numbers);
            prop_assert!(next.iter().all(|line| (0..=line.quantity).contains(&line.removed) && line.total_minor >= 0));
            prop_assert_eq!(&continued(&next, newer), &next, "the same word again changes nothing");
            known = next;
        }
    }
}
