//! The difference between a shop's total and the sum of its rounded parts.
//!
//! A shop computes its total from exact amounts, and rounds each part of it for the order that it sends. So the parts may
//! miss the total by up to one minor unit each. The total is the truth: it is the amount that the customer agreed to.

use despatch_contracts::order::{ChargeKind, Order, TaxLine};

use super::charge::charge;

/// Adds the difference between the order's total and its parts as a charge of kind `rounding`, if rounding explains it.
/// Returns whether the order then adds up.
///
/// Only for orders that a shop signed. Any other order must add up by itself.
pub(crate) fn settle(order: &mut Order) -> bool {
    let Ok(difference) = i64::try_from(i128::from(order.total_minor) - order.parts_minor()) else {
        return false;
    };
    if difference.unsigned_abs() > rounded_parts(order) {
        return false;
    }
    order.charges.extend(charge(ChargeKind::Rounding, String::new(), difference, Vec::new()));
    true
}

/// Adds a charge of this kind for what the order's total is less than its parts, because the shop gave it back.
pub(crate) fn refunded(order: &mut Order, kind: ChargeKind) {
    let Ok(difference) = i64::try_from(i128::from(order.total_minor) - order.parts_minor()) else { return };
    if difference < 0 {
        order.charges.extend(charge(kind, "Refund".to_owned(), difference, Vec::new()));
    }
}

/// Counts the parts of the order that the shop rounded, which are the minor units by which they may miss the total:
///
/// - each line, each charge, the order's tax and its discount count one;
/// - each tax of a line or a charge counts one if the order's tax is added. A tax that an amount includes is not a part.
///
/// A part of zero does not count.
fn rounded_parts(order: &Order) -> u64 {
    let taxes_add = order.tax_minor != 0;
    let part = |minor: i64| u64::from(minor != 0);
    let with_taxes = |minor: i64, taxes: &[TaxLine]| {
        let taxes = taxes.iter().filter(|_| taxes_add).map(|tax| part(tax.amount_minor));
        part(minor) + taxes.sum::<u64>()
    };
    let lines = order.lines.iter().map(|line| with_taxes(line.total_minor, &line.taxes));
    let charges = order.charges.iter().map(|charge| with_taxes(charge.amount_minor, &charge.taxes));
    lines.chain(charges).sum::<u64>() + part(order.tax_minor) + part(order.discount_minor)
}

#[cfg(test)]
mod tests {
    use despatch_contracts::order::{Charge, Line};
    use proptest::prelude::*;

    use super::*;

    fn tax(amount_minor: i64) -> TaxLine {
        TaxLine { amount_minor, ..TaxLine::default() }
    }

    fn shipping(amount_minor: i64, taxes: Vec<TaxLine>) -> Charge {
        Charge { kind: ChargeKind::Shipping.into(), amount_minor, taxes, ..Charge::default() }
    }

    /// An order of seven rounded parts, and two of zero.
    fn order() -> Order {
        let line = |total_minor, taxes| Line { total_minor, taxes, ..Line::default() };
        Order {
            lines: vec![line(1000, vec![tax(60), tax(0)]), line(0, Vec::new())],
            charges: vec![shipping(500, vec![tax(30), tax(10)])],
            tax_minor: 100,
            discount_minor: 50,
            total_minor: 1550,
            ..Order::default()
        }
    }

    /// The rounding that was added; `None` if the order still does not add up.
    fn settled(mut order: Order) -> Option<i64> {
        let charges = order.charges.len();
        settle(&mut order).then(|| order.charges[charges..].iter().map(|charge| charge.amount_minor).sum())
    }

    #[test]
    fn each_rounded_part_allows_one_minor_unit() {
        assert_eq!(rounded_parts(&order()), 7);
        for (off, expected) in
            [(0, Some(0)), (1, Some(1)), (-1, Some(-1)), (7, Some(7)), (-7, Some(-7)), (8, None), (-8, None)]
        {
            assert_eq!(settled(Order { total_minor: 1550 + off, ..order() }), expected, "{off}");
        }
    }

    #[test]
    fn taxes_that_amounts_include_allow_nothing() {
        let order = Order { tax_minor: 0, ..order() };
        assert_eq!(rounded_parts(&order), 3);
        assert_eq!(settled(Order { total_minor: 1453, ..order.clone() }), Some(3));
        assert_eq!(settled(Order { total_minor: 1454, ..order }), None);
    }

    #[test]
    fn an_exact_order_has_no_rounding() {
        let mut exact = order();
        assert!(settle(&mut exact));
        assert_eq!(exact, order());
        assert_eq!(settled(Order::default()), Some(0));
        assert_eq!(settled(Order { total_minor: 1, ..Order::default() }), None);
    }

    proptest! {
        /// Parts are rounded from tenths of a minor unit, and so is their total.
        #[test]
        fn parts_and_rounding_are_the_total(
            tenths in proptest::collection::vec(5_i64..100_000, 1..30),
            off in -99_i64..99,
        ) {
            let rounded = |tenths: i64| (tenths + 5) / 10;
            let (mut lines, mut charges) = (Vec::new(), Vec::new());
            for (at, tenths) in tenths.iter().enumerate() {
                let minor = rounded(*tenths);
                match at % 2 {
                    0 => lines.push(Line { total_minor: minor, ..Line::default() }),
                    _ => charges.push(shipping(minor, Vec::new())),
                }
            }
            let total_minor = rounded(tenths.iter().sum());
            let mut order = Order { lines, charges, total_minor, ..Order::default() };
            prop_assert!(settle(&mut order));
            prop_assert_eq!(order.parts_minor(), i128::from(order.total_minor));

            // With any total, the order adds up if it was settled, and is unchanged if it was not.
            let before = Order { total_minor: total_minor + off, ..order };
            let mut after = before.clone();
            let adds_up = settle(&mut after);
            prop_assert_eq!(adds_up, after.parts_minor() == i128::from(after.total_minor));
            prop_assert!(adds_up || after == before);
        }
    }
}
