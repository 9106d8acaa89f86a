//! The difference of an accepted order and a newer word of its shop.
//!
//! Two orders are compared line by line, so the newer one is first brought under the known numbers ([`newest`]). Units and
//! money that are taken off are followed at once ([`at_once`]). Additions wait for their payment.

use despatch_contracts::order::{Line, Order};
use despatch_domain::amount;

use crate::email;
use crate::lines::{self, kept};
use crate::tenders;

/// The difference of an order that is known and the newest word of it, under the same line numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Difference {
    /// Lines of which another number of units stands: the line's name, its units before and now.
    units: Vec<(String, i64, i64)>,
    /// The parts of the address that differ.
    address: Vec<&'static str>,
    is_other_service: bool,
    /// The totals before and now.
    totals: (i64, i64),
    are_other_amounts: bool,
    /// Whether payments captures another part of it.
    is_paid_otherwise: bool,
    currency: String,
}

impl Difference {
    /// Compares two words of one order.
    pub(crate) fn between(known: &Order, newest: &Order) -> Difference {
        let was = |line: &Line| known.lines.iter().find(|known| known.number == line.number).map_or(0, kept);
        let units = newest.lines.iter().map(|line| (name(line), was(line), kept(line)));
        let address = match (&known.ship_to, &newest.ship_to) {
            (Some(known), Some(newest)) => known.differing_parts(newest),
            (None, None) => Vec::new(),
            (None, Some(_)) | (Some(_), None) => vec!["all of it"],
        };
        Difference {
            units: units.filter(|(_, was, is)| was != is).collect(),
            address,
            is_other_service: known.service_level != newest.service_level,
            totals: (known.total_minor, newest.total_minor),
            are_other_amounts: amounts(known) != amounts(newest),
            is_paid_otherwise: tenders::due_to_us(known) != tenders::due_to_us(newest),
            currency: newest.currency.clone(),
        }
    }

    /// Returns whether nothing differs that is worked on.
    pub(crate) fn is_none(&self) -> bool {
        self.units.is_empty() && !self.moves() && !self.are_other_amounts && !self.is_paid_otherwise
    }

    /// Returns whether units were added, or the order costs more.
    pub(crate) fn adds(&self) -> bool {
        self.units.iter().any(|(_, was, is)| is > was) || self.totals.1 > self.totals.0
    }

    /// Returns whether units were taken off.
    pub(crate) fn takes_off(&self) -> bool {
        self.units.iter().any(|(_, was, is)| is < was)
    }

    /// Returns whether labels that were made before are wrong.
    pub(crate) fn moves(&self) -> bool {
        !self.address.is_empty() || self.is_other_service
    }

    /// Returns the parts of the address that differ.
    pub(crate) fn address(&self) -> &[&'static str] {
        &self.address
    }

    /// Returns the difference in words without personal data.
    pub(crate) fn words(&self) -> String {
        let mut words = Vec::new();
        if !self.address.is_empty() {
            words.push(format!("address: {}", self.address.join(", ")));
        }
        if self.is_other_service {
            words.push("another service level".to_owned());
        }
        let units = self.units.iter();
        words.extend(units.map(|(line, was, is)| format!("{line}: {is} units, before {was}")));
        let (was, is) = self.totals;
        if was != is {
            let [was, is] = [was, is].map(|minor| amount(minor, &self.currency));
            words.push(format!("total: {is}, before {was}"));
        } else if words.is_empty() && self.are_other_amounts {
            words.push("amounts of its lines or charges".to_owned());
        }
        if was == is && self.is_paid_otherwise {
            words.push("another part of it is paid in the shop".to_owned());
        }
        words.join(", ")
    }
}

fn name(line: &Line) -> String {
    if line.sku.is_empty() {
        format!("line {}", line.number)
    } else {
        format!("line {}, {}", line.number, line.sku)
    }
}

/// Returns what the order costs: for each part of it.
fn amounts(order: &Order) -> (Vec<i64>, Vec<(i32, i64)>, [i64; 3]) {
    let mut lines: Vec<i64> = order.lines.iter().map(|line| line.total_minor).collect();
    // A line that the other order does not have yet costs nothing there.
    while lines.last() == Some(&0) {
        lines.pop();
    }
    let charges = order.charges.iter().map(|charge| (charge.kind, charge.amount_minor)).collect();
    (lines, charges, [order.tax_minor, order.discount_minor, order.total_minor])
}

/// Returns the order as the shop has it by now, as a continuation of the known one.
pub(crate) fn newest(known: &Order, newer: &Order, is_captured: bool) -> Order {
    let mut newest = Order {
        order_id: known.order_id.clone(),
        shop: known.shop.clone(),
        shop_order_id: known.shop_order_id.clone(),
        channel: known.channel.clone(),
        placed_at: known.placed_at,
        lines: lines::continued(&known.lines, &newer.lines),
        tenders: tenders::continued(known, newer, is_captured),
        updated_at: newer.updated_at.or(known.updated_at),
        ..newer.clone()
    };
    email::keep_usable(&mut newest);
    newest
}

/// Returns the known order with all that the newest one takes off it or moves, for the former price. The rest of the
/// difference is an addition.
pub(crate) fn at_once(known: &Order, newest: &Order) -> Order {
    Order {
        ship_to: newest.ship_to.clone(),
        service_level: newest.service_level,
        updated_at: newest.updated_at,
        ..taken_off(known, newest)
    }
}

/// Returns the known order without the units that the newest one has no longer, for the former price.
pub(crate) fn taken_off(known: &Order, newest: &Order) -> Order {
    let stands = |line: &Line| newest.lines.iter().find(|it| it.number == line.number).map_or(0, kept);
    let less = |line: &Line| {
        let removed = line.removed.max(line.quantity.saturating_sub(stands(line)));
        Line { removed, ..line.clone() }
    };
    Order { lines: known.lines.iter().map(less).collect(), ..known.clone() }
}

/// Returns whether these are the shop's words from before those that are known. Events of one order may overtake each other.
pub(crate) fn is_older(newer: &Order, known: &Order) -> bool {
    let at = |order: &Order| order.updated_at.map(|at| (at.seconds, at.nanos));
    matches!((at(newer), at(known)), (Some(newer), Some(known)) if newer < known)
}

/// Returns whether the shop took every unit off, as by a refund of all lines.
pub(crate) fn nothing_stands(order: &Order) -> bool {
    !order.lines.is_empty() && order.lines.iter().all(|line| kept(line) == 0)
}

#[cfg(test)]
mod tests;
