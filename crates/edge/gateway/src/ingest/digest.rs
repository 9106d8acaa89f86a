//! The digest of an order's core: the shop's number, the units that stand, the address, the service level, the amounts.
//!
//! Two orders of one number are the same order if their cores are equal. The core has nothing that differs between two
//! copies of the same order: how it is paid, when it was changed, what people noted. A later field of the contract is not in
//! it either.

use std::collections::BTreeMap;

use despatch_contracts::order::{Address, Line, Order};
use prost::Message as _;
use sha2::{Digest as _, Sha256};

use crate::sources::order_json;

/// The version of the core. A change of the core raises it. Digests of different versions cannot be compared, and an
/// order that was stored under another version never counts as changed.
pub(crate) const VERSION: i16 = 2;

/// Returns the digest of an order's core.
pub(crate) fn of(order: &Order) -> [u8; 32] {
    Sha256::digest(core(order).encode_to_vec()).into()
}

/// Returns the order without all that is not in its core.
fn core(order: &Order) -> Order {
    Order {
        shop: order.shop.clone(),
        shop_order_id: order.shop_order_id.clone(),
        ship_to: order.ship_to.as_ref().map(address),
        lines: lines(&order.lines),
        currency: order.currency.clone(),
        tax_minor: order.tax_minor,
        total_minor: order.total_minor,
        service_level: order.service_level,
        // A shop's payments change from one of its webhooks to the next. Our own JSON has no updates, so another payment
        // must not pass for the same order.
        tenders: if order.channel == order_json::CHANNEL { order.tenders.clone() } else { Vec::new() },
        ..Order::default()
    }
}

fn address(address: &Address) -> Address {
    Address { phone: String::new(), ..address.clone() }
}

/// Returns one line for each of the shop's lines, or for each SKU of a shop that numbers none, with the units that stand.
/// Units of a line that were sent already are a line of their own, and still the shop's one.
fn lines(lines: &[Line]) -> Vec<Line> {
    let mut units = BTreeMap::<&str, (i64, i64)>::new();
    for line in lines {
        let key = if line.shop_line_id.is_empty() { &line.sku } else { &line.shop_line_id };
        let (quantity, total) = units.entry(key).or_default();
        *quantity = quantity.saturating_add(line.quantity.saturating_sub(line.removed));
        *total = total.saturating_add(line.total_minor);
    }
    let stands = units.into_iter().filter(|(_, units)| *units != (0, 0));
    let line = |(key, (quantity, total_minor)): (&str, (i64, i64))| Line {
        sku: key.to_owned(),
        quantity,
        total_minor,
        ..Line::default()
    };
    stands.map(line).collect()
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use despatch_contracts::order::{Customer, Fulfilment, ServiceLevel, Tender, TenderState};

    use super::*;

    fn order() -> Order {
        let line = |id: &str, sku: &str, quantity, total_minor| Line {
            shop_line_id: id.into(),
            sku: sku.into(),
            quantity,
            total_minor,
            ..Line::default()
        };
        Order {
            shop: "north".into(),
            shop_order_id: "1".into(),
            channel: "shopify".into(),
            ship_to: Some(Address { name: "Ann".into(), street1: "1 Main St".into(), ..Address::default() }),
            lines: vec![line("11", "A", 2, 1000), line("12", "B", 1, 500)],
            currency: "USD".into(),
            total_minor: 1500,
            ..Order::default()
        }
    }

    fn changed(change: impl FnOnce(&mut Order)) -> bool {
        let mut other = order();
        change(&mut other);
        of(&other) != of(&order())
    }

    #[test]
    fn copies_of_one_order_are_the_same() {
        type Change = fn(&mut Order);
        let changes: [Change; 13] = [
            |o| o.order_id = "o-1".into(),
            |o| o.placed_at = Some(SystemTime::UNIX_EPOCH.into()),
            |o| o.updated_at = Some(SystemTime::UNIX_EPOCH.into()),
            |o| o.customer = Some(Customer { email: "a@example.com".into(), ..Customer::default() }),
            |o| o.bill_to = Some(Address::default()),
            |o| o.note = "ring twice".into(),
            |o| o.tags = vec!["paid".into()],
            |o| o.tenders = vec![Tender { state: TenderState::Captured.into(), ..Tender::default() }],
            |o| o.ship_to.as_mut().unwrap().phone = "1".into(),
            |o| o.lines.reverse(),
            |o| o.lines[0].title = "A thing".into(),
            |o| o.lines[0].fulfilment = Fulfilment::OtherService.into(),
            // One unit was sent meanwhile.
            |o| {
                let sent = Line { quantity: 1, total_minor: 500, ..o.lines[0].clone() };
                o.lines[0] = sent.clone();
                o.lines.push(sent);
            },
        ];
        for (at, change) in changes.into_iter().enumerate() {
            assert!(!changed(change), "row {at}");
        }
    }

    #[test]
    fn what_is_sent_and_what_it_costs_makes_another_order() {
        type Change = fn(&mut Order);
        let changes: [Change; 9] = [
            |o| o.shop_order_id = "2".into(),
            |o| o.ship_to.as_mut().unwrap().street1 = "2 Main St".into(),
            |o| o.ship_to = None,
            |o| o.lines[0].quantity = 3,
            |o| o.lines[0].removed = 1,
            |o| drop(o.lines.pop()),
            |o| o.total_minor = 1501,
            |o| o.currency = "EUR".into(),
            |o| o.set_service_level(ServiceLevel::FirstClass),
        ];
        for (at, change) in changes.into_iter().enumerate() {
            assert!(changed(change), "row {at}");
        }
    }

    #[test]
    fn a_line_that_was_taken_off_is_gone() {
        let mut taken_off = order();
        taken_off.lines[1].removed = 1;
        taken_off.lines[1].total_minor = 0;
        let mut gone = order();
        gone.lines.pop();
        assert_eq!(of(&taken_off), of(&gone));
    }

    #[test]
    fn another_payment_of_our_own_json_is_another_order() {
        let own = || Order { channel: order_json::CHANNEL.into(), ..order() };
        let other =
            Order { tenders: vec![Tender { reference: "pi_2".into(), ..Tender::default() }], ..own() };
        assert_ne!(of(&other), of(&own()));
    }
}
