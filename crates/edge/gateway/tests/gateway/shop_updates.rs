//! Updates of orders that nobody knows, and what a shop repeats with each update.

use std::time::{Duration, SystemTime};

use despatch_contracts::order::PaymentReported;
use prost::Message as _;
use serde_json::{Value, json};

use crate::fixture::{WOOCOMMERCE_SAMPLE, shopify, woocommerce};
use crate::shops::{ORDER, at, jiff_now, opened, send, topic};

#[tokio::test]
async fn an_old_order_that_changes_is_placed_if_it_is_paid_and_still_to_be_sent() {
    let (env, gateway) = opened().await;
    let old = SystemTime::now() - Duration::from_secs(2 * 24 * 3600);
    let aged = |id: u64, created_at: String, changes: &[(&str, Value)]| {
        let mut order: Value = serde_json::from_str(ORDER).unwrap();
        order["id"] = json!(id);
        order["created_at"] = json!(created_at);
        for (pointer, value) in changes {
            *order.pointer_mut(pointer).unwrap() = value.clone();
        }
        topic(order.to_string(), "orders/updated")
    };
    let old = jiff::Timestamp::try_from(old).unwrap().to_string();
    let paid = ("/financial_status", json!("paid"));
    let pending = [("/financial_status", json!("pending")), ("/note_attributes", json!([]))];
    let sent = [
        paid.clone(),
        ("/line_items/0/fulfillment_status", json!("fulfilled")),
        ("/line_items/0/fulfillable_quantity", json!(0)),
    ];
    for (id, created_at, changes, is_placed) in [
        (901, &old, &[paid][..], true),
        (902, &old, &pending, false),
        (903, &old, &sent, false),
        (904, &jiff_now(), &pending, true),
    ] {
        let (_, outcome) = send(&gateway, aged(id, created_at.clone(), changes)).await;
        assert_eq!(outcome == "placed", is_placed, "{id}: {outcome}");
    }
    // WooCommerce says it of the whole order.
    for (id, status, is_placed) in [(801, "completed", false), (802, "processing", true)] {
        let mut order: Value = serde_json::from_str(WOOCOMMERCE_SAMPLE).unwrap();
        order["id"] = json!(id);
        order["line_items"][0]["sku"] = json!("Foo1");
        order["status"] = json!(status);
        let update = woocommerce(order.to_string()).with("x-wc-webhook-topic", "order.updated");
        assert_eq!(send(&gateway, update).await.1 == "placed", is_placed, "{status}");
    }
    env.quiet().await;
    assert_eq!(env.messages("evt.order.placed").await.len(), 3);
}

#[tokio::test]
async fn a_payment_that_the_shop_repeats_is_reported_once() {
    let (env, gateway) = opened().await;
    let (order_id, _) = send(&gateway, shopify(ORDER)).await;
    let paid = |second| at(second, &[("/financial_status", json!("paid"))]).to_string();
    for (body, name) in [
        (at(1, &[]).to_string(), "orders/updated"),
        (at(2, &[]).to_string(), "orders/updated"),
        (paid(3), "orders/paid"),
        (paid(3), "orders/updated"),
        (paid(4), "orders/updated"),
    ] {
        assert_eq!(send(&gateway, topic(body, name)).await, (order_id.clone(), "payment-noted".to_owned()));
    }
    env.quiet().await;
    let reports = env.messages("evt.order.payment-reported").await;
    let seconds: Vec<_> = reports
        .into_iter()
        .map(|report| {
            let report = PaymentReported::decode(report.payload).unwrap();
            let order = report.order.unwrap();
            assert_eq!((&order.order_id, &order.tenders), (&order_id, &report.tenders));
            order.updated_at.unwrap().seconds % 60
        })
        .collect();
    assert_eq!(seconds, [1, 3]);
}
