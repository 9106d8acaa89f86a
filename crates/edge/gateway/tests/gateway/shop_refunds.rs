//! Money that shops give back, or report before the order: it counts once, whenever and however often it is said.

use std::time::Duration;

use despatch_contracts::order::{OrderAccepted, OrderPlaced};
use despatch_testkit::eventually;
use serde_json::{Value, json};

use crate::fixture::{Request, shopify, woocommerce};
use crate::money::Shop;

const PENDING: &str = include_str!("../cases/42-shopify-pending-bank-deposit.json");
const PAID: &str = include_str!("../cases/40-shopify-paid-by-shopify-payments.json");
const REFUNDED: &str = include_str!("../cases/25-woo-refunded-before-sent.json");

/// A transaction of the order with this id at the shop.
fn transaction(order: u64, id: u64, kind: &str, amount: &str) -> Value {
    json!({ "id": id, "order_id": order, "kind": kind, "status": "success", "gateway": "Bank Deposit",
            "amount": amount, "currency": "USD" })
}

fn topic(name: &str, body: &Value) -> Request {
    shopify(body.to_string()).with("x-shopify-topic", name)
}

/// The amount that others gave back of the order, the amount that it keeps, and its open approvals, in minor units.
async fn money(shop: &Shop, order_id: &str) -> (i64, i64, i64) {
    let db = shop.env.db().await;
    let sql = "select coalesce(sum(refunded_minor + elsewhere_minor), 0)::int8,
                      coalesce(sum(captured_minor - refunded_minor - elsewhere_minor), 0)::int8,
                      coalesce(sum(approved_minor - refunded_minor), 0)::int8
               from payments.tender where order_id = $1";
    let row = db.query_one(sql, &[&order_id]).await.unwrap();
    (row.get(0), row.get(1), row.get(2))
}

async fn until(shop: &Shop, order_id: &str, expected: (i64, i64, i64)) {
    eventually("the money is so", async || (money(shop, order_id).await == expected).then_some(())).await;
    shop.env.quiet().await;
    assert_eq!(money(shop, order_id).await, expected);
}

#[tokio::test]
async fn money_that_comes_before_its_order_waits_for_it() {
    let shop = Shop::open().await;
    let order = 6_200_000_005_042;
    let sale = topic("order_transactions/create", &transaction(order, 1, "sale", "105.00"));
    let back =
        json!({ "id": 9, "order_id": order, "transactions": [transaction(order, 2, "refund", "7.00")] });
    let back = topic("refunds/create", &back);
    for request in [&sale, &back, &sale, &back] {
        let answer = shop.gateway.send(request.clone()).await;
        assert_eq!((answer.status, answer.body.is_empty()), (200, true), "{answer:?}");
    }
    let order_id = shop.gateway.send(shopify(PENDING)).await.order_id();
    shop.env.expect::<OrderAccepted>(&order_id).await;
    shop.captured(&order_id).await;
    until(&shop, &order_id, (700, 9800, 0)).await;
    assert_eq!(shop.env.count::<OrderAccepted>(&order_id).await, 1);
    // The same after its order.
    shop.gateway.send(back).await;
    shop.env.quiet().await;
    assert_eq!(money(&shop, &order_id).await, (700, 9800, 0));
    assert_eq!(shop.env.messages("evt.payment.refund-reported").await.len(), 1);
    assert!(shop.env.messages("dead.>").await.is_empty());
}

#[tokio::test]
async fn money_of_an_order_that_never_comes_is_dropped_without_a_case() {
    let shop = Shop::open().await;
    let back = json!({ "id": 9, "order_id": 7, "transactions": [transaction(7, 2, "refund", "7.00")] });
    assert_eq!(shop.gateway.send(topic("refunds/create", &back)).await.status, 200);
    // The number of the try, once it waits for a next one.
    let waits = async || {
        let sql = "select generation from gateway.journal join gateway.retry using (id, handler)
                    where handler = 'gateway.reread' and state = 'waiting' and due > despatch_now()";
        let row = shop.env.db().await.query_opt(sql, &[]).await.unwrap();
        row.map(|row| row.get::<_, i32>(0))
    };
    let first = eventually("it waits", async || waits().await).await;
    shop.env.advance(Duration::from_secs(2 * 24 * 3600)).await;
    eventually("it waits again", async || waits().await.filter(|generation| *generation > first)).await;
    shop.env.advance(Duration::from_secs(2 * 24 * 3600)).await;
    eventually("it is dropped", async || {
        let sql = "select from gateway.journal where handler = 'gateway.reread' and state = 'done'";
        shop.env.db().await.query_opt(sql, &[]).await.unwrap().map(drop)
    })
    .await;
    shop.env.quiet().await;
    assert_eq!(shop.env.messages("evt.payment.refund-reported").await.len(), 0);
    assert!(shop.env.messages("dead.>").await.is_empty());
}

#[tokio::test]
async fn a_refund_of_woocommerce_counts_once_however_often_an_order_says_it() {
    let shop = Shop::open().await;
    let mut order: Value = serde_json::from_str(REFUNDED).unwrap();
    order["payment_method"] = json!("paypal");
    order["meta_data"] = json!([]);
    let units = json!([{ "quantity": -1, "meta_data": [{ "key": "_refunded_item_id", "value": 302 }] }]);
    order["refunds"][0]["line_items"] = units;
    let order_id = shop.gateway.send(woocommerce(order.to_string())).await.order_id();
    shop.captured(&order_id).await;
    // The shop had given 37.00 of 79.00 back before.
    until(&shop, &order_id, (3700, 4200, 0)).await;
    let shipping = json!({ "id": 5028, "reason": "late", "total": "-5.00" });
    order["refunds"].as_array_mut().unwrap().push(shipping);
    order["date_modified_gmt"] = json!("2026-03-03T14:15:00");
    let updated = woocommerce(order.to_string()).with("x-wc-webhook-topic", "order.updated");
    for _ in 0..2 {
        assert_eq!(shop.gateway.send(updated.clone()).await.order_id(), order_id);
    }
    until(&shop, &order_id, (4200, 3700, 0)).await;
    assert!(shop.env.messages("dead.>").await.is_empty());
}

#[tokio::test]
async fn a_refund_of_shopify_from_before_the_order_came_counts_once() {
    let shop = Shop::open().await;
    let mut order: Value = serde_json::from_str(PAID).unwrap();
    let id = order["id"].as_u64().unwrap();
    let refund = json!({ "id": 9, "order_id": id, "transactions": [transaction(id, 2, "refund", "20.00")] });
    order["refunds"] = json!([refund.clone()]);
    order["financial_status"] = json!("partially_refunded");
    order["current_total_price"] = json!("85.00");
    let order_id = shop.gateway.send(shopify(order.to_string())).await.order_id();
    shop.env.expect::<OrderPlaced>(&order_id).await;
    shop.captured(&order_id).await;
    until(&shop, &order_id, (2000, 8500, 0)).await;
    // Its own webhook comes late, and the order says it again.
    shop.gateway.send(topic("refunds/create", &refund)).await;
    shop.gateway.send(topic("orders/updated", &order)).await;
    shop.env.quiet().await;
    assert_eq!(money(&shop, &order_id).await, (2000, 8500, 0));
    assert!(shop.env.messages("dead.>").await.is_empty());
}

#[tokio::test]
async fn a_refund_that_cannot_be_recorded_is_one_case_however_often_it_is_said() {
    let shop = Shop::open().await;
    let mut order: Value = serde_json::from_str(PAID).unwrap();
    let id = order["id"].as_u64().unwrap();
    let order_id = shop.gateway.send(shopify(order.to_string())).await.order_id();
    shop.env.expect::<OrderPlaced>(&order_id).await;
    shop.captured(&order_id).await;
    // More than the customer paid.
    let back = |at: u64| json!({ "id": at, "order_id": id, "transactions": [transaction(id, at, "refund", "999.00")] });
    order["refunds"] = json!([back(2)]);
    for tags in ["a", "a", "b", "c"] {
        order["tags"] = json!(tags);
        shop.gateway.send(topic("orders/updated", &order)).await;
        shop.gateway.send(topic("refunds/create", &back(2))).await;
    }
    shop.env.quiet().await;
    assert_eq!(shop.env.messages("dead.>").await.len(), 1);
    // Another one is another case.
    order["refunds"] = json!([back(2), back(3)]);
    shop.gateway.send(topic("orders/updated", &order)).await;
    shop.env.quiet().await;
    assert_eq!(shop.env.messages("dead.>").await.len(), 2);
}
