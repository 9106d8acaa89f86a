//! Every parser returns an order or names the wrong field, whatever the body. None panics.

use std::time::UNIX_EPOCH;

use despatch_contracts::order::Order;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use serde_json::{Value, json};

use crate::ingest::new_order::NewOrder;
use crate::sources::fields::json::Invalid;
use crate::sources::webhook::{self, Platform};
use crate::sources::{order_json, review, shippo, shopify, stripe, woocommerce};

/// Runs every parser on one body.
fn read_all(body: &[u8]) -> Vec<Result<Order, Invalid>> {
    for (platform, topics) in [
        (
            Platform::Shopify,
            &[
                "orders/updated",
                "orders/edited",
                "orders/cancelled",
                "refunds/create",
                "order_transactions/create",
            ][..],
        ),
        (Platform::Woocommerce, &["order.updated", "order.deleted"]),
    ] {
        for topic in topics {
            let said = webhook::read(platform, topic, body, "north", true);
            assert!(said.is_ok() || said.is_err_and(|invalid| !invalid.field.is_empty()));
        }
    }
    // These return no order. It counts that they return.
    let _ = (shippo::read(body), stripe::read(body), review::from_json(body), review::from_form(body));
    vec![order_json::read(body), shopify::read(body, "north"), woocommerce::read(body, "south")]
}

fn check(body: &[u8]) {
    for read in read_all(body) {
        match read {
            Ok(order) => {
                assert!(!order.shop.is_empty() && !order.shop_order_id.is_empty());
                // A backslash in the body appears as two.
                let written = format!("{order:?}").replace(r"\\", "");
                assert!(!written.contains(r"\0"), "{order:?}");
                if let Ok(new_order) = NewOrder::new(order, body.to_vec().into(), UNIX_EPOCH, usize::MAX) {
                    assert_eq!(new_order.event.subject, format!("order/{}", new_order.order_id));
                }
            }
            Err(invalid) => assert!(!invalid.field.is_empty() && !invalid.problem.is_empty()),
        }
    }
}

/// Valid bodies.
fn samples() -> Vec<Value> {
    let shopify = include_str!("../../../../../data/webhooks/shopify_order_created.json");
    let woocommerce = include_str!("../../../../../data/webhooks/woocommerce_order_created.json");
    vec![
        serde_json::from_str(shopify).unwrap(),
        serde_json::from_str(woocommerce).unwrap(),
        order_json::example(),
        json!({
            "type": "charge.dispute.created",
            "data": {"object": {"id": "du_1", "payment_intent": "pi_1", "evidence_details": {"due_by": 1_800_000_000}}}
        }),
        json!({
            "event": "track_updated",
            "data": {"carrier": "usps", "tracking_number": "1", "metadata": "",
                     "tracking_status": {"status": "TRANSIT", "status_date": "2026-03-01T10:00:00Z"}}
        }),
    ]
}

/// Lists pointers to everything in a value.
fn pointers(value: &Value, at: &str, into: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                let at = format!("{at}/{}", name.replace('~', "~0").replace('/', "~1"));
                pointers(member, &at, into);
                into.push(at);
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                let at = format!("{at}/{index}");
                pointers(item, &at, into);
                into.push(at);
            }
        }
        _ => {}
    }
}

/// Values that do not belong where they are put.
fn strangers() -> impl Strategy<Value = Value> {
    let odd = [
        json!(null),
        json!(true),
        json!(0),
        json!(-1),
        json!(1.5),
        json!(i64::MIN),
        json!(i64::MAX),
        json!(u64::MAX),
        json!(1e300),
        json!(""),
        json!("\0"),
        json!("0"),
        json!("-0.00"),
        json!("-92233720368547758.08"),
        json!("92233720368547758.07"),
        json!("0.005"),
        json!("1e9"),
        json!("\u{202e}\u{1f4a9}"),
        json!("x".repeat(300)),
        json!([]),
        json!([[], {}]),
        json!({}),
        json!({"name": "payment_intent", "value": {}}),
    ];
    prop_oneof![
        select(odd.to_vec()),
        any::<String>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from)
    ]
}

proptest! {
    #[test]
    fn arbitrary_bytes_are_answered(body in proptest::collection::vec(any::<u8>(), 0..200)) {
        check(&body);
    }

    #[test]
    fn cut_bodies_are_answered(at in any::<Index>()) {
        for sample in samples() {
            let body = sample.to_string().into_bytes();
            check(&body[..at.index(body.len())]);
        }
    }

    #[test]
    fn mutated_bodies_are_answered(changes in proptest::collection::vec((any::<Index>(), strangers()), 1..4)) {
        for mut sample in samples() {
            for (place, stranger) in &changes {
                let mut places = Vec::new();
                pointers(&sample, "", &mut places);
                if !places.is_empty() {
                    let place: &String = place.get(&places);
                    *sample.pointer_mut(place).unwrap() = stranger.clone();
                }
            }
            check(sample.to_string().as_bytes());
        }
    }
}

#[test]
fn the_deepest_nesting_is_refused_and_not_followed() {
    for open in ["[", r#"{"lines":"#, r#"{"note_attributes":[{"value":"#] {
        check(open.repeat(100_000).as_bytes());
    }
}
