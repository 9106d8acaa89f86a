//! Everything that a shop says after it placed an order, in any order and repeated; and what it says that nobody can read.

use despatch_contracts::order::{
    OrderAccepted, OrderCancelRequested, OrderCancelled, OrderPlaced, OrderUpdateReported, WebhookKept,
};
use despatch_contracts::runtime::DeadLetter;
use despatch_testkit::{TestEnv, eventually};
use prost::Message as _;
use serde_json::{Value, json};

use crate::fixture::{Request, TestGateway, WOOCOMMERCE_SAMPLE, shopify, signature, woocommerce};

pub(crate) const ORDER: &str = include_str!("../cases/03a-shopify-order-to-be-cancelled.json");
const CANCELLED: &str = include_str!("../cases/03b-shopify-orders-cancelled.json");
const DECIMAL: &str = include_str!("../cases/04a-woo-decimal-quantity.json");

pub(crate) async fn opened() -> (TestEnv, TestGateway) {
    let env = TestEnv::new().await;
    let gateway = TestGateway::open(&env, vec![despatch_orders::worker()]).await;
    (env, gateway)
}

pub(crate) fn topic(body: impl Into<Vec<u8>>, topic: &str) -> Request {
    shopify(body).with("x-shopify-topic", topic)
}

/// The order as it is at this second, with these changes.
pub(crate) fn at(second: u32, changes: &[(&str, Value)]) -> Value {
    let mut order: Value = serde_json::from_str(ORDER).unwrap();
    order["updated_at"] = json!(format!("2026-03-02T09:20:{second:02}-05:00"));
    for (pointer, value) in changes {
        *order.pointer_mut(pointer).unwrap() = value.clone();
    }
    order
}

pub(crate) async fn send(gateway: &TestGateway, request: Request) -> (String, String) {
    let answer = gateway.send(request).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    (answer.order_id(), answer.json()["outcome"].as_str().unwrap_or_default().to_owned())
}

#[tokio::test]
async fn a_shop_s_cancellation_cancels_once() {
    let (env, gateway) = opened().await;
    let (order_id, _) = send(&gateway, shopify(ORDER)).await;
    env.expect::<OrderAccepted>(&order_id).await;
    for name in ["orders/cancelled", "orders/updated", "orders/cancelled"] {
        let answer = send(&gateway, topic(CANCELLED, name)).await;
        assert_eq!(answer, (order_id.clone(), "cancel-requested".to_owned()), "{name}");
    }
    let command: OrderCancelRequested = env.expect(&order_id).await;
    assert_eq!((&*command.requested_by, &*command.reason), ("north", "shop-cancelled"));
    let _: OrderCancelled = env.expect(&order_id).await;
    // The first word of the shop is repeated, and changes nothing.
    assert_eq!(send(&gateway, shopify(ORDER)).await, (order_id.clone(), "same".to_owned()));
    env.quiet().await;
    assert_eq!(env.count::<OrderCancelRequested>(&order_id).await, 1);
    assert_eq!(env.messages("evt.order.placed").await.len(), 1);
    assert!(env.messages("dead.>").await.is_empty());
}

#[tokio::test]
async fn an_order_whose_cancellation_came_first_is_never_placed() {
    let (env, gateway) = opened().await;
    for _ in 0..2 {
        assert_eq!(send(&gateway, topic(CANCELLED, "orders/cancelled")).await, Default::default());
        for name in ["orders/create", "orders/updated", "orders/paid"] {
            assert_eq!(send(&gateway, topic(ORDER, name)).await, Default::default(), "{name}");
        }
    }
    // So is one that the shop deleted, whose deletion says no more than its id.
    send(&gateway, topic(r#"{"id": 77}"#, "orders/delete")).await;
    let mut deleted: Value = serde_json::from_str(ORDER).unwrap();
    deleted["id"] = json!(77);
    assert_eq!(send(&gateway, shopify(deleted.to_string())).await, Default::default());
    env.quiet().await;
    assert!(env.messages("evt.>").await.is_empty());
    assert_eq!(despatch_gateway::count_orders(&database(&env)).await.unwrap(), 0);
}

fn database(env: &TestEnv) -> despatch_runtime::Database {
    despatch_runtime::Database::new(&env.settings().database_url, 1).unwrap()
}

#[tokio::test]
async fn an_order_and_its_cancellation_that_come_together_are_one_or_the_other() {
    let (env, gateway) = opened().await;
    for n in 0..20 {
        let id = 9000 + n;
        let of = |body: &str| body.replace("6200000004102", &id.to_string());
        let (created, cancelled) = tokio::join!(
            gateway.send(shopify(of(ORDER))),
            gateway.send(topic(of(CANCELLED), "orders/cancelled"))
        );
        assert_eq!((created.status, cancelled.status), (200, 200));
        let was_placed = created.json()["outcome"] == "placed";
        let is_cancelled = cancelled.json()["outcome"] == "cancel-requested";
        assert_eq!(was_placed, is_cancelled, "{n}: {created:?} {cancelled:?}");
    }
    env.quiet().await;
    let count = async |event| env.messages(event).await.len();
    assert_eq!(count("evt.order.placed").await, count("evt.order.cancel-requested").await);
}

#[tokio::test]
async fn a_cancellation_that_woocommerce_takes_back_is_none() {
    let (env, gateway) = opened().await;
    let status = |status: &str, second: u32| {
        let mut order: Value = serde_json::from_str(WOOCOMMERCE_SAMPLE).unwrap();
        order["line_items"][0]["sku"] = json!("Foo1");
        order["status"] = json!(status);
        order["date_modified_gmt"] = json!(format!("2017-03-22T19:30:{second:02}"));
        woocommerce(order.to_string()).with("x-wc-webhook-topic", "order.updated")
    };
    let created = |second| status("processing", second).with("x-wc-webhook-topic", "order.created");
    // The customer paid after the shop had given the order up.
    send(&gateway, status("cancelled", 10)).await;
    assert_eq!(send(&gateway, created(5)).await, Default::default());
    let (order_id, outcome) = send(&gateway, created(20)).await;
    assert_eq!(outcome, "placed");
    let _: OrderAccepted = env.expect(&order_id).await;
    // And once it is placed, too. A late copy of the cancellation is no news.
    assert_eq!(send(&gateway, status("cancelled", 15)).await.1, "cancel-requested");
    assert_eq!(env.count::<OrderCancelRequested>(&order_id).await, 0);
    assert_eq!(send(&gateway, status("cancelled", 30)).await.1, "cancel-requested");
    let _: OrderCancelled = env.expect(&order_id).await;
    assert_eq!(send(&gateway, status("processing", 40)).await.1, "changed");
    assert_eq!(env.expect_dead(&order_id).await.reason, "order-changed");
}

#[tokio::test]
async fn the_newest_contents_are_reported_once_and_older_ones_never() {
    let (env, gateway) = opened().await;
    let (order_id, _) = send(&gateway, shopify(ORDER)).await;
    env.expect::<OrderAccepted>(&order_id).await;
    let street =
        |second, street: &str| at(second, &[("/shipping_address/address1", json!(street))]).to_string();
    for (body, name, outcome) in [
        (at(1, &[("/financial_status", json!("paid"))]).to_string(), "orders/paid", "payment-noted"),
        (street(3, "3 Sample Road"), "orders/updated", "changed"),
        (street(3, "3 Sample Road"), "orders/updated", "payment-noted"),
        (street(2, "2 Sample Road"), "orders/updated", "payment-noted"),
        (street(3, "3 Sample Road"), "orders/create", "same"),
        (ORDER.to_owned(), "orders/create", "same"),
        (street(4, "4 Sample Road"), "orders/edited", "changed"),
        (at(5, &[("/financial_status", json!("paid"))]).to_string(), "orders/updated", "changed"),
    ] {
        let answer = send(&gateway, topic(body, name)).await;
        assert_eq!(answer, (order_id.clone(), outcome.to_owned()), "{name}");
    }
    env.quiet().await;
    let mut streets = Vec::new();
    for reported in env.messages("evt.order.update-reported").await {
        let event = OrderUpdateReported::decode(reported.payload).unwrap();
        streets.push(event.order.unwrap().ship_to.unwrap().street1);
    }
    assert_eq!(streets, ["3 Sample Road", "4 Sample Road", "14 Sample Road"]);
    env.quiet().await;
    assert_eq!(env.messages("evt.order.placed").await.len(), 1);
}

#[tokio::test]
async fn an_order_that_is_not_paid_yet_takes_the_newest_contents() {
    let (env, gateway) = opened().await;
    let now = jiff_now();
    let pending = |second: u32, quantity: i64, total: &str| {
        let mut order = at(second, &[("/financial_status", json!("pending"))]);
        order["note_attributes"] = json!([]);
        order["created_at"] = json!(now);
        order["line_items"][0]["quantity"] = json!(quantity);
        order["line_items"][0]["current_quantity"] = json!(quantity);
        order["line_items"][0]["fulfillable_quantity"] = json!(quantity);
        order["total_price"] = json!(total);
        order["total_outstanding"] = json!(total);
        order
    };
    let (order_id, _) = send(&gateway, shopify(pending(1, 1, "105.00").to_string())).await;
    let waiting = "select 1 from orders.unpaid";
    eventually("it waits", async || env.db().await.query_opt(waiting, &[]).await.unwrap()).await;
    send(&gateway, topic(pending(2, 2, "205.00").to_string(), "orders/updated")).await;
    env.quiet().await;
    let mut paid = pending(2, 2, "205.00");
    paid["financial_status"] = json!("paid");
    send(&gateway, topic(paid.to_string(), "orders/paid")).await;
    let accepted = env.expect::<OrderAccepted>(&order_id).await.order.unwrap();
    assert_eq!((accepted.lines[0].quantity, accepted.total_minor), (2, 20_500));
    env.quiet().await;
    assert!(env.messages("dead.>").await.is_empty());
}

pub(crate) fn jiff_now() -> String {
    jiff::Timestamp::now().to_string()
}

#[tokio::test]
async fn a_body_that_nobody_can_read_is_corrected_and_placed() {
    let (env, gateway) = opened().await;
    for _ in 0..2 {
        assert_eq!(send(&gateway, woocommerce(DECIMAL)).await, Default::default());
    }
    let letter = unreadable(&env, 1).await.remove(0);
    assert!(letter.failures[0].error.contains("line_items[0].quantity"), "{:?}", letter.failures);
    let event = letter.event.clone().unwrap();
    let mut kept = WebhookKept::decode(event.payload.clone()).unwrap();
    assert_eq!((&*kept.shop, &*kept.channel, &*kept.topic), ("south", "woocommerce", "order.created"));
    assert_eq!(kept.body, DECIMAL);
    // A replay as it is fails again; with another number of units it is an order.
    kept.body = DECIMAL.replace("\"quantity\": 0.7", "\"quantity\": 7");
    let mut edited = event;
    edited.payload = kept.encode_to_vec().into();
    env.publish(&edited.replay("gateway.reread", 1)).await;
    let placed = eventually("it is placed", async || {
        let placed = env.messages("evt.order.placed").await.pop()?;
        OrderPlaced::decode(placed.payload).ok()?.order
    })
    .await;
    let _: OrderAccepted = env.expect(&placed.order_id).await;
    assert_eq!((placed.lines[0].quantity, placed.total_minor), (7, 1480));
    // The shop's next word is about the same order.
    let mut changed: Value = serde_json::from_str(&kept.body).unwrap();
    changed["date_modified_gmt"] = json!("2026-03-02T15:00:00");
    changed["shipping"]["city"] = json!("Lexington");
    let update = woocommerce(changed.to_string()).with("x-wc-webhook-topic", "order.updated");
    assert_eq!(send(&gateway, update).await, (placed.order_id, "changed".to_owned()));
}

/// Waits for this many unreadable webhooks.
async fn unreadable(env: &TestEnv, number: usize) -> Vec<DeadLetter> {
    let letters = eventually("the case", async || {
        let letters = env.messages("dead.gateway.order-unreadable").await;
        (letters.len() >= number).then_some(letters)
    });
    letters.await.into_iter().map(|letter| DeadLetter::decode(letter.payload).unwrap()).collect()
}

#[tokio::test]
async fn an_unreadable_update_is_corrected_into_what_it_says() {
    let (env, gateway) = opened().await;
    let (order_id, _) = send(&gateway, shopify(ORDER)).await;
    let broken = |body: String, name: &str| topic(body.replace(r#""id""#, r#""id": [], "_id""#), name);
    let changed = at(9, &[("/shipping_address/city", json!("Lexington"))]).to_string();
    let refund = json!({"id": 3, "order_id": 6_200_000_004_102_u64, "transactions": [
        {"id": 9, "kind": "refund", "status": "success", "gateway": "x", "amount": "7.00", "currency": "USD"}]});
    for (n, (body, name, event)) in [
        (changed, "orders/updated", "evt.order.update-reported"),
        (refund.to_string().replace("order_id", "id"), "refunds/create", "evt.payment.refund-reported"),
        (CANCELLED.to_owned(), "orders/cancelled", "evt.order.cancel-requested"),
    ]
    .into_iter()
    .enumerate()
    {
        send(&gateway, broken(body, name)).await;
        let letters = unreadable(&env, n + 1).await;
        let of_topic = |letter: &&DeadLetter| {
            WebhookKept::decode(letter.event.clone().unwrap().payload).unwrap().topic == name
        };
        let mut edited = letters.iter().find(of_topic).unwrap().event.clone().unwrap();
        let mut kept = WebhookKept::decode(edited.payload).unwrap();
        kept.body = kept.body.replace(r#""id": [], "_id""#, r#""id""#);
        if name == "refunds/create" {
            kept.body = refund.to_string();
        }
        edited.payload = kept.encode_to_vec().into();
        env.publish(&edited.replay("gateway.reread", 1)).await;
        eventually("it is followed", async || {
            let about = format!("order/{order_id}");
            env.messages(event).await.into_iter().find(|it| it.subject == about)
        })
        .await;
    }
}

#[tokio::test]
async fn an_old_order_that_is_done_is_not_placed_because_its_change_is_corrected() {
    let (env, gateway) = opened().await;
    let update = woocommerce(DECIMAL).with("x-wc-webhook-topic", "order.updated");
    send(&gateway, update).await;
    let mut edited = unreadable(&env, 1).await.remove(0).event.unwrap();
    let mut kept = WebhookKept::decode(edited.payload).unwrap();
    // Placed in March, sent, and changed today.
    kept.body = DECIMAL.replace("\"quantity\": 0.7", "\"quantity\": 7");
    assert!(kept.body.contains("\"processing\""));
    kept.body = kept.body.replace("\"processing\"", "\"completed\"");
    edited.payload = kept.encode_to_vec().into();
    env.publish(&edited.replay("gateway.reread", 1)).await;
    env.quiet().await;
    assert_eq!(env.messages("evt.order.placed").await.len(), 0);
    assert_eq!(env.messages("dead.gateway.>").await.len(), 1);
}

#[tokio::test]
async fn a_body_that_no_event_can_carry_is_kept_all_the_same() {
    let (env, gateway) = opened().await;
    let large = format!("{{\"id\": [], \"note\": \"{}\"}}", "x".repeat(700 * 1024));
    assert_eq!(send(&gateway, shopify(large.clone())).await, Default::default());
    let letter = unreadable(&env, 1).await.remove(0);
    assert!(letter.failures[0].error.contains("gateway.kept_webhook"), "{:?}", letter.failures);
    let sql = "select body from gateway.kept_webhook";
    let kept: Vec<u8> = env.db().await.query_one(sql, &[]).await.unwrap().get(0);
    assert!(kept == large.into_bytes());
}

#[tokio::test]
async fn what_only_a_person_can_do_is_a_case_with_a_deadline() {
    let (env, gateway) = opened().await;
    for (name, reason) in [
        ("app/uninstalled", "app-uninstalled"),
        ("customers/data_request", "customer-data-request"),
        ("customers/redact", "customer-redact"),
        ("shop/redact", "shop-redact"),
    ] {
        let body = json!({"shop_id": 7, "customer": {"id": 1, "email": "a@example.com"}}).to_string();
        for _ in 0..2 {
            assert_eq!(send(&gateway, topic(body.clone(), name)).await, Default::default());
        }
        let letters = eventually(name, async || {
            let letters = env.messages(&format!("dead.gateway.{reason}")).await;
            (!letters.is_empty()).then_some(letters)
        })
        .await;
        assert_eq!(letters.len(), 1);
        let letter = DeadLetter::decode(letters[0].payload.clone()).unwrap();
        assert_eq!(WebhookKept::decode(letter.event.unwrap().payload).unwrap().body, body);
    }
}

#[tokio::test]
async fn a_shop_is_found_by_any_name_of_its_host() {
    let (env, gateway) = opened().await;
    let mut order: Value = serde_json::from_str(WOOCOMMERCE_SAMPLE).unwrap();
    order["line_items"][0]["sku"] = json!("Foo1");
    for (n, source) in [
        "https://south.example.com/de/",
        "http://south.example.com/",
        "https://www.south.example.com/",
        "https://SOUTH.example.com:8443",
        "https://south-shop.example/",
        "",
    ]
    .into_iter()
    .enumerate()
    {
        order["id"] = json!(800 + n);
        let request = woocommerce(order.to_string()).with("x-wc-webhook-source", source);
        let (order_id, outcome) = send(&gateway, request).await;
        assert_eq!(outcome, "placed", "{source}");
        assert_eq!(env.expect::<OrderPlaced>(&order_id).await.order.unwrap().shop, "south");
        let unsigned = woocommerce(order.to_string())
            .with("x-wc-webhook-source", source)
            .with("x-wc-webhook-signature", signature(b"another"));
        assert_eq!(gateway.send(unsigned).await.status, 401, "{source}");
    }
}

#[tokio::test]
async fn what_tries_a_shop_and_what_is_of_no_use_leaves_nothing() {
    let (env, gateway) = opened().await;
    let test = include_str!("../cases/08a-shopify-test-notification.json");
    for request in [
        shopify(test).with("x-shopify-test", "true"),
        shopify(test),
        topic(test, "orders/updated"),
        topic(ORDER, "orders/create").with("x-shopify-test", "true"),
        topic(ORDER, "products/update"),
        topic("not even JSON", "inventory_levels/update"),
        woocommerce(WOOCOMMERCE_SAMPLE).with("x-wc-webhook-topic", "product.created"),
        woocommerce("[]").with("x-wc-webhook-topic", "action.wc_something"),
    ] {
        let answer = gateway.send(request).await;
        assert_eq!((answer.status, answer.body.len()), (200, 0));
    }
    env.quiet().await;
    assert!(env.messages(">").await.is_empty());
}
