//! The part of an order's price that its customer paid for units of a line.

use despatch_contracts::order::{Line, Order};

/// Returns the amount that the customer paid for the units of a line from number `from` up to and without number `to`, in minor units.
/// Units count from zero. Only units that stand count: the line's total is theirs.
///
/// A line's share of the order's tax and discount is that of its total among the lines' totals. Each line and each unit
/// gets the difference of two rounded-down running sums. So any partition of the units adds up to the line, and the lines
/// add up to their totals with tax and less the discount. Charges such as shipping belong to no line.
pub(crate) fn paid(order: &Order, line: &Line, from: i64, to: i64) -> Option<i64> {
    let total = line_paid(order, line)?;
    let kept = line.quantity.saturating_sub(line.removed);
    let up_to = |units: i64| -> Option<i64> {
        let share = (i128::from(total) * i128::from(units)).div_euclid(i128::from(kept));
        i64::try_from(share).ok()
    };
    if kept <= 0 || from < 0 || from > to || to > kept {
        return None;
    }
    up_to(to)?.checked_sub(up_to(from)?)
}

fn line_paid(order: &Order, line: &Line) -> Option<i64> {
    let all: i128 = order.lines.iter().map(|it| i128::from(it.total_minor)).sum();
    let shared = i128::from(order.tax_minor) - i128::from(order.discount_minor);
    let up_to = |sum: i128| if all == 0 { 0 } else { (shared * sum).div_euclid(all) };
    let before: i128 = order
        .lines
        .iter()
        .take_while(|it| it.number != line.number)
        .map(|it| i128::from(it.total_minor))
        .sum();
    let own = i128::from(line.total_minor);
    i64::try_from(own + up_to(before + own) - up_to(before)).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn any_partition_of_the_units_adds_up_to_what_was_paid(
            lines in prop::collection::vec((1_i64..50, 0_i64..100_000), 1..6),
            tax in 0_i64..10_000,
            discount in 0_i64..10_000,
            cuts in prop::collection::vec(0_i64..50, 0..6),
        ) {
            let lines = (1..).zip(lines).map(|(number, (quantity, total_minor))| Line {
                number, quantity, total_minor, ..Line::default()
            });
            let order = Order {
                lines: lines.collect(), tax_minor: tax, discount_minor: discount, ..Order::default()
            };
            let mut sum = 0;
            for line in &order.lines {
                let mut cuts: Vec<i64> = cuts.iter().copied().filter(|cut| *cut < line.quantity).collect();
                cuts.extend([0, line.quantity]);
                cuts.sort_unstable();
                let parts = cuts.windows(2).map(|cut| paid(&order, line, cut[0], cut[1]).unwrap());
                let whole = paid(&order, line, 0, line.quantity).unwrap();
                prop_assert_eq!(parts.sum::<i64>(), whole);
                sum += whole;
            }
            let all: i64 = order.lines.iter().map(|line| line.total_minor).sum();
            prop_assert_eq!(sum, if all == 0 { 0 } else { all + tax - discount });
        }
    }

    #[test]
    fn there_are_no_more_units_than_were_ordered() {
        let line = Line { number: 1, quantity: 2, total_minor: 1_001, ..Line::default() };
        let order = Order { lines: vec![line.clone()], ..Order::default() };
        assert_eq!(paid(&order, &line, 0, 1), Some(500));
        assert_eq!(paid(&order, &line, 1, 2), Some(501));
        assert_eq!(paid(&order, &line, 1, 3), None);
        assert_eq!(paid(&order, &line, 2, 1), None);
        // One that was taken off before is neither counted nor paid.
        let line = Line { quantity: 3, removed: 1, ..line };
        let order = Order { lines: vec![line.clone()], ..order };
        assert_eq!((paid(&order, &line, 1, 2), paid(&order, &line, 1, 3)), (Some(501), None));
    }
}
