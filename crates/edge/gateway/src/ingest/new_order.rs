//! A new order: with an id and a fingerprint, and small enough for its events.

use std::time::SystemTime;

use bytes::Bytes;
use despatch_contracts::order::{Order, OrderPlaced, OrderUpdateReported};
use despatch_contracts::{Emitted, EventId};
use prost::Message as _;
use uuid::Uuid;

use super::digest;

/// The largest accepted order, encoded.
const LARGEST_ORDER: usize = 256 * 1024;

/// An order's part of the broker's largest message. Events that carry the order add to it.
const ROOM: usize = 4;

/// Returns the size of the largest order whose events a broker takes, if it takes messages of this size.
pub(crate) fn largest_order(largest_message: usize) -> usize {
    LARGEST_ORDER.min(largest_message / ROOM)
}

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
    /// The order's id, unless the order has one already. Of an update it is the order's own.
    pub(crate) order_id: Uuid,
    pub(crate) digest: [u8; 32],
    /// When the shop last changed the order, if it says so.
    pub(crate) updated_at: Option<SystemTime>,
    pub(crate) event: Emitted,
    /// The unchanged body, for the case if the order differs from an earlier one.
    pub(crate) body: Bytes,
}

impl NewOrder {
    /// Creates a new order from one that was read from a body and has no id yet. `now` is the deployment's time, `limit`
    /// the size of the largest accepted order.
    pub(crate) fn new(
        mut order: Order,
        body: Bytes,
        now: SystemTime,
        limit: usize,
    ) -> Result<Self, OrderTooLarge> {
        if order.encoded_len() > limit {
            return Err(OrderTooLarge { limit });
        }
        let order_id = EventId::at(now).uuid();
        let (digest, updated_at) = identified(&mut order, order_id);
        order.placed_at.get_or_insert_with(|| now.into());
        Ok(NewOrder {
            shop: order.shop.clone(),
            shop_order_id: order.shop_order_id.clone(),
            order_id,
            digest,
            updated_at,
            event: Emitted::from(&OrderPlaced { order: Some(order) }),
            body,
        })
    }

    /// Creates an update of an order that has this id.
    pub(crate) fn update(mut order: Order, order_id: Uuid, limit: usize) -> Result<Self, OrderTooLarge> {
        if order.encoded_len() > limit {
            return Err(OrderTooLarge { limit });
        }
        let (digest, updated_at) = identified(&mut order, order_id);
        let (shop, shop_order_id) = (order.shop.clone(), order.shop_order_id.clone());
        let event = Emitted::from(&OrderUpdateReported { order: Some(order) });
        Ok(NewOrder { shop, shop_order_id, order_id, digest, updated_at, event, body: Bytes::new() })
    }
}

/// Gives an order its id. Returns the digest of its core, and when the shop changed it.
pub(crate) fn identified(order: &mut Order, order_id: Uuid) -> ([u8; 32], Option<SystemTime>) {
    order.order_id = order_id.to_string();
    (digest::of(order), order.updated_at.and_then(|at| at.try_into().ok()))
}

#[cfg(test)]
mod tests {
    use despatch_contracts::order::Line;

    use super::*;
    use crate::sources::order_json;

    fn new_order(json: &str) -> NewOrder {
        let order = order_json::read(json.as_bytes()).unwrap();
        NewOrder::new(order, Bytes::new(), SystemTime::now(), LARGEST_ORDER).unwrap()
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
        for (largest_message, limit) in [(8 << 20, LARGEST_ORDER), (64 << 10, 16 << 10)] {
            assert_eq!(largest_order(largest_message), limit);
            let refused = NewOrder::new(order.clone(), Bytes::new(), SystemTime::now(), limit).unwrap_err();
            assert_eq!(refused, OrderTooLarge { limit });
        }
    }
}
