//! Less, more and moved; and the same end whatever the order of the shop's words.

use despatch_contracts::order::{Address, Customer, ServiceLevel};
use proptest::prelude::*;
use prost_types::Timestamp;

use super::*;

/// An order with these units of each of its lines, at 100 a unit.
fn order(second: i64, street: &str, units: &[i64]) -> Order {
    let line = |(number, units): (u32, &i64)| Line {
        number,
        sku: format!("SKU-{number}"),
        shop_line_id: number.to_string(),
        quantity: 9,
        removed: 9 - units,
        total_minor: units * 100,
        ..Line::default()
    };
    let lines: Vec<Line> = (1..).zip(units).map(line).collect();
    Order {
        order_id: "o-1".into(),
        currency: "USD".into(),
        ship_to: Some(Address { street1: street.into(), ..Address::default() }),
        total_minor: lines.iter().map(|line| line.total_minor).sum(),
        updated_at: Some(Timestamp { seconds: second, nanos: 0 }),
        lines,
        ..Order::default()
    }
}

fn compared(known: &Order, newer: &Order) -> (Difference, Order) {
    let newest = newest(known, newer, false);
    (Difference::between(known, &newest), newest)
}

#[test]
fn less_more_and_elsewhere_are_told_apart() {
    let known = order(1, "1 Main St", &[2, 1]);
    for (newer, adds, takes_off, moves) in [
        (order(2, "1 Main St", &[2, 1]), false, false, false),
        (order(2, "1 Main St", &[1, 1]), false, true, false),
        (order(2, "1 Main St", &[2]), false, true, false),
        (order(2, "1 Main St", &[3, 1]), true, false, false),
        (order(2, "1 Main St", &[2, 1, 1]), true, false, false),
        (order(2, "1 Main St", &[2, 0, 1]), true, true, false),
        (order(2, "2 Main St", &[2, 1]), false, false, true),
        (Order { service_level: ServiceLevel::SameDay.into(), ..known.clone() }, false, false, true),
        (Order { total_minor: 250, discount_minor: 50, ..known.clone() }, false, false, false),
        (Order { total_minor: 350, tax_minor: 50, ..known.clone() }, true, false, false),
    ] {
        let (difference, _) = compared(&known, &newer);
        let found = (difference.adds(), difference.takes_off(), difference.moves());
        assert_eq!(found, (adds, takes_off, moves), "{}", difference.words());
        assert_eq!(difference.is_none(), newer.updated_at != known.updated_at && !(adds | takes_off | moves));
    }
}

#[test]
fn differences_are_told_without_personal_data() {
    let known = order(1, "1 Private St", &[2, 1]);
    let (difference, _) = compared(&known, &order(2, "2 Private St", &[3, 0, 1]));
    assert_eq!(
        difference.words(),
        "address: street1, line 1, SKU-1: 3 units, before 2, line 2, SKU-2: 0 units, before 1, \
         line 3, SKU-3: 1 units, before 0, total: 4.00 USD, before 3.00 USD"
    );
    let (difference, _) =
        compared(&known, &Order { total_minor: 300, tax_minor: 5, discount_minor: 5, ..known.clone() });
    assert_eq!(difference.words(), "amounts of its lines or charges");
    assert!(!difference.is_none());
}

#[test]
fn units_come_off_at_once_and_what_was_added_waits() {
    let known = order(1, "1 Main St", &[2, 1]);
    let (_, newest) = compared(&known, &order(2, "2 Main St", &[1, 1, 4]));
    let at_once = at_once(&known, &newest);
    let stands: Vec<(u32, i64)> = at_once.lines.iter().map(|line| (line.number, kept(line))).collect();
    assert_eq!(stands, [(1, 1), (2, 1)]);
    assert_eq!((at_once.total_minor, at_once.lines[0].total_minor), (300, 200), "for the former price");
    assert_eq!((&at_once.ship_to, at_once.updated_at), (&newest.ship_to, newest.updated_at));
    // All that is left is the addition.
    let rest = Difference::between(&at_once, &newest);
    assert!(rest.adds() && !rest.takes_off() && !rest.moves());
}

#[test]
fn only_a_usable_mail_address_is_taken() {
    let known = order(1, "1 Main St", &[1]);
    let customer = |email: &str| Some(Customer { email: email.into(), ..Customer::default() });
    let newer = Order { customer: customer("ask me"), ..order(2, "1 Main St", &[1]) };
    assert_eq!(newest(&known, &newer, false).customer, customer(""));
}

/// Follows the shop's words as the handlers do if everything is paid.
fn follow(known: Order, newer: &Order) -> Order {
    if is_older(newer, &known) {
        return known;
    }
    let newest = newest(&known, newer, false);
    let at_once = at_once(&known, &newest);
    let again = self::newest(&at_once, newer, false);
    assert_eq!(again.lines, newest.lines, "the addition has the same numbers after the rest was followed");
    newest
}

proptest! {
    #[test]
    fn words_in_any_order_and_repeated_end_in_the_newest(
        words in prop::collection::vec((0_u8..3, prop::collection::vec(0_i64..5, 1..5)), 1..7),
        arrival in Just((0..7_usize).chain(0..7).collect::<Vec<_>>()).prop_shuffle(),
    ) {
        let words: Vec<Order> = (1..)
            .zip(&words)
            .map(|(second, (street, units))| order(second, &format!("{street} Main St"), units))
            .collect();
        let mut known = words[0].clone();
        for at in arrival {
            let Some(newer) = words.get(at) else { continue };
            known = follow(known, newer);
            let again = follow(known.clone(), newer);
            prop_assert_eq!(&again, &known, "the same word again changes nothing");
        }
        let last = words.last().expect("one");
        let stands = |order: &Order| -> Vec<(String, i64, i64)> {
            let lines = order.lines.iter().filter(|line| kept(line) > 0 || line.total_minor > 0);
            let mut lines: Vec<_> =
                lines.map(|it| (it.shop_line_id.clone(), kept(it), it.total_minor)).collect();
            lines.sort();
            lines
        };
        prop_assert_eq!(stands(&known), stands(last));
        prop_assert_eq!((&known.ship_to, known.total_minor), (&last.ship_to, last.total_minor));
    }
}
