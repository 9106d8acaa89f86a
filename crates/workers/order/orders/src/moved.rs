//! An order whose address the customer or an operator chose here, and the shop's own word of it.

use despatch_contracts::order::{Address, Order};
use jiff::Timestamp;

/// The change of an address that the shop does not know of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Moved {
    /// The shop's address, which its webhooks go on to say.
    pub(crate) from: Address,
    /// The time of the change.
    pub(crate) at: Timestamp,
}

/// Returns the address of an order by the shop's newer word, and the change that still stands against it.
///
/// A shop repeats its address with every other change, and that moves nothing. Another one than before is taken if it is
/// newer than the change that was made here.
pub(crate) fn address(
    known: &Order,
    moved: Option<Moved>,
    newer: &Order,
) -> (Option<Address>, Option<Moved>) {
    let Some(moved) = moved else { return (newer.ship_to.clone(), None) };
    let Some(address) = &newer.ship_to else { return (known.ship_to.clone(), Some(moved)) };
    let said_at = newer.updated_at.and_then(|at| Timestamp::new(at.seconds, at.nanos).ok());
    if *address == moved.from {
        (known.ship_to.clone(), Some(moved))
    } else if said_at.is_some_and(|said_at| said_at < moved.at) {
        (known.ship_to.clone(), Some(Moved { from: address.clone(), ..moved }))
    } else {
        (Some(address.clone()), None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shop_moves_an_order_only_with_another_and_newer_address() {
        let to = |street: &str| Some(Address { street1: street.into(), ..Address::default() });
        let order = |street: &str, second: i64| Order {
            ship_to: to(street),
            updated_at: Some(prost_types::Timestamp { seconds: second, nanos: 0 }),
            ..Order::default()
        };
        let at = |street: &str| Moved { from: to(street).unwrap(), at: Timestamp::from_second(100).unwrap() };
        let known = order("customer's", 1);
        let decide = |moved, newer: &Order| address(&known, moved, newer);
        assert_eq!(decide(None, &order("shop's", 50)), (to("shop's"), None));
        let repeated = order("shop's", 200);
        assert_eq!(decide(Some(at("shop's")), &repeated), (to("customer's"), Some(at("shop's"))));
        assert_eq!(decide(Some(at("shop's")), &order("another", 200)), (to("another"), None));
        assert_eq!(
            decide(Some(at("shop's")), &order("another", 50)),
            (to("customer's"), Some(at("another")))
        );
        let timeless = Order { updated_at: None, ..order("another", 0) };
        assert_eq!(decide(Some(at("shop's")), &timeless), (to("another"), None));
        let nowhere = Order { ship_to: None, ..order("", 200) };
        assert_eq!(decide(Some(at("shop's")), &nowhere), (to("customer's"), Some(at("shop's"))));
    }
}
