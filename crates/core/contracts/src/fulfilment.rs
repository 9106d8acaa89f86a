//! The units of an order that we reserve and pick.

use crate::order::{Fulfilment, Line, Order};

impl Line {
    /// Returns the units that we reserve and pick: those that the shop did not take off, of a line that we bring.
    pub fn our_units(&self) -> i64 {
        match self.fulfilment() {
            Fulfilment::Unspecified | Fulfilment::Ours | Fulfilment::Pickup => {
                self.quantity.saturating_sub(self.removed)
            }
            Fulfilment::OtherService | Fulfilment::Digital | Fulfilment::None => 0,
        }
    }

    /// Returns whether the customer collects the line.
    pub fn is_collected(&self) -> bool {
        self.fulfilment() == Fulfilment::Pickup
    }
}

impl Order {
    /// Returns the lines that we reserve and pick. Others are paid for only.
    pub fn our_lines(&self) -> impl Iterator<Item = &Line> {
        self.lines.iter().filter(|line| line.our_units() != 0)
    }

    /// Returns the units that we reserve and pick.
    pub fn our_units(&self) -> i64 {
        self.our_lines().map(Line::our_units).fold(0, i64::saturating_add)
    }

    /// Returns whether we send a parcel.
    pub fn is_shipped(&self) -> bool {
        self.our_lines().any(|line| !line.is_collected())
    }

    /// Returns whether the customer collects some of it.
    pub fn is_collected(&self) -> bool {
        self.our_lines().any(Line::is_collected)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(fulfilment: Fulfilment, removed: i64) -> Line {
        Line { quantity: 3, removed, fulfilment: fulfilment.into(), ..Line::default() }
    }

    #[test]
    fn only_what_we_bring_and_what_stands_is_ours() {
        let units = |fulfilment, removed| line(fulfilment, removed).our_units();
        for ours in [Fulfilment::Unspecified, Fulfilment::Ours, Fulfilment::Pickup] {
            assert_eq!([0, 2, 3].map(|removed| units(ours, removed)), [3, 1, 0]);
        }
        for others in [Fulfilment::OtherService, Fulfilment::Digital, Fulfilment::None] {
            assert_eq!(units(others, 0), 0);
        }
    }

    #[test]
    fn an_order_is_shipped_if_a_unit_of_it_is() {
        let order = |lines: &[Line]| Order { lines: lines.to_vec(), ..Order::default() };
        let (ours, pickup) = (line(Fulfilment::Ours, 0), line(Fulfilment::Pickup, 1));
        let (gone, digital) = (line(Fulfilment::Ours, 3), line(Fulfilment::Digital, 0));
        for (lines, shipped, collected) in [
            (vec![ours.clone(), digital.clone()], true, false),
            (vec![pickup.clone(), gone.clone()], false, true),
            (vec![ours, pickup], true, true),
            (vec![gone, digital], false, false),
        ] {
            let order = order(&lines);
            assert_eq!((order.is_shipped(), order.is_collected()), (shipped, collected), "{lines:?}");
        }
    }
}
