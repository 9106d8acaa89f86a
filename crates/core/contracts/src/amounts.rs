//! An order's amounts: their sum, and a word for each kind of charge.

use crate::order::{ChargeKind, Order};

impl Order {
    /// Returns lines, charges and tax less the discount, in minor units. It is the total of an order that adds up.
    pub fn parts_minor(&self) -> i128 {
        let lines = self.lines.iter().map(|line| line.total_minor);
        let charges = self.charges.iter().map(|charge| charge.amount_minor);
        let added = lines.chain(charges).chain([self.tax_minor]).map(i128::from).sum::<i128>();
        added - i128::from(self.discount_minor)
    }
}

impl ChargeKind {
    /// Returns the word for the kind, in lower case.
    pub fn name(self) -> &'static str {
        match self {
            ChargeKind::Unspecified => "charge",
            ChargeKind::Shipping => "shipping",
            ChargeKind::Fee => "fee",
            ChargeKind::Duty => "duty",
            ChargeKind::Tip => "tip",
            ChargeKind::Rounding => "rounding",
            ChargeKind::Refund => "refund",
        }
    }

    /// Returns whether a charge of this kind may take something off the total.
    pub fn may_be_negative(self) -> bool {
        match self {
            ChargeKind::Fee | ChargeKind::Rounding | ChargeKind::Refund => true,
            ChargeKind::Unspecified | ChargeKind::Shipping | ChargeKind::Duty | ChargeKind::Tip => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::order::{Charge, Line};

    #[test]
    fn parts_add_up_beyond_64_bits() {
        let line = Line { total_minor: i64::MAX, ..Line::default() };
        let charge = |amount_minor| Charge { amount_minor, ..Charge::default() };
        let order = Order {
            lines: vec![line.clone(), line],
            charges: vec![charge(500), charge(-30)],
            tax_minor: 7,
            discount_minor: 70,
            ..Order::default()
        };
        assert_eq!(order.parts_minor(), 2 * i128::from(i64::MAX) + 500 - 30 + 7 - 70);
    }
}
