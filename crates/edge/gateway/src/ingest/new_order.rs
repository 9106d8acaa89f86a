//! A new order: with an id and a fingerprint, and small enough for its events.

use bytes::Bytes;
use despatch_contracts::order::{Order, OrderPlaced};
use despatch_contracts::{Emitted, now};
use prost::Message as _;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

/// The largest accepted order, encoded. Events that carry it add a little each and must stay below the broker's limit,
/// 1 MiB unless configured otherwise.
const LARGEST_ORDER: usize = 256 * 1024;

/// An order that is too large for the events that carry it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("order: expected at most {limit} bytes, found more")]
pub(crate) struct OrderTooLarge {
    /// The limit, encoded.
    pub(crate) limit: usize,
}

/// An order to accept.
#[derive(Debug, Clone)]
pub(crate) struct NewOrder {
    pub(crate) shop: String,
    pub(crate) shop_order_id: String,
    /// The order's id, unless the order has one already.
    pub(crate) order_id: Uuid,
    /// The digest of the normalised order: equal for equal orders, whatever the spacing of the JSON.
    pub(crate) digest: [u8; 32],
    pub(crate) event: Emitted,
    /// The unchanged body, for the case if the order differs from an earlier one.
    pub(crate) body: Bytes,
}

impl NewOrder {
    /// Creates a new order from one that was read from a body and has no id yet.
    pub(crate) fn new(mut order: Order, body: Bytes) -> Result<Self, OrderTooLarge> {
        let encoded = order.encode_to_vec();
        if encoded.len() > LARGEST_ORDER {
            return Err(OrderTooLarge { limit: LARGEST_ORDER });
        }
        let digest = Sha256::digest(&encoded).into();
        let order_id = Uuid::now_v7();
        order.order_id = order_id.to_string();
        // Set after the digest, because the same order without its time is still the same order.
        order.placed_at.get_or_insert_with(now);
        Ok(NewOrder {
            shop: order.shop.clone(),
            shop_order_id: order.shop_order_id.clone(),
            order_id,
            digest,
            event: Emitted::from(&OrderPlaced { order: Some(order) }),
            body,
        })
    }
}

#[cfg(test)]
mod tests {
    use despatch_contracts::order::Line;

    use super::*;
    use crate::sources::order_json;

    fn new_order(json: &str) -> NewOrder {
        NewOrder::new(order_json::read(json.as_bytes()).unwrap(), Bytes::new()).unwrap()
    }

    #[test]
    fn the_same_order_has_the_same_digest_and_another_id() {
        let once = new_order(r#"{"shop": "a", "shop_order_id": "1", "total": "1"}"#);
        let again = new_order(r#"{ "total": 1, "shop_order_id": 1, "shop": " a" }"#);
        assert_eq!(once.digest, again.digest);
        assert_ne!(once.order_id, again.order_id);
        let other = new_order(r#"{"shop": "a", "shop_order_id": "1", "total": "2"}"#);
        assert_ne!(once.digest, other.digest);
    }

    #[test]
    fn an_order_that_events_could_not_carry_is_refused() {
        let line = Line { title: "x".repeat(1000), ..Line::default() };
        let order = Order { lines: vec![line; 300], ..Order::default() };
        assert_eq!(NewOrder::new(order, Bytes::new()).unwrap_err(), OrderTooLarge { limit: LARGEST_ORDER });
    }
}
