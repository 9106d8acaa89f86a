//! The control port: counts and faults over HTTP.

use reqwest::Method;
use serde_json::json;

use crate::gateway::Gateway;
use crate::shop::Shop;

#[tokio::test]
async fn counts_are_read_over_http() {
    let shop = Shop::open().await;
    let id = shop.authorise("o1", "500").await;
    shop.authorise("o2", "300").await;
    shop.capture(&id, "k").await;
    shop.buy("o1/1").await;
    let counts = shop.control(Method::GET, "/counts", None).await;
    assert_eq!(counts.body, serde_json::to_value(shop.sandbox.counts()).unwrap());
    assert_eq!(counts.body["orders"], 2);
    assert_eq!(counts.body["captured_minor"], 500);
    assert_eq!(counts.body["authorised_minor"], 300);
    let order = shop.control(Method::GET, "/counts/o1", None).await;
    assert_eq!(order.body["captures"], 1);
    assert_eq!(order.body["labels"], json!({ "1": { "bought": 1, "voided": 0 } }));
    let unknown = shop.control(Method::GET, "/counts/o9", None).await;
    assert_eq!((unknown.status, &unknown.body["captures"]), (200, &json!(0)));
}

#[tokio::test]
async fn faults_are_set_over_http() {
    let shop = Shop::open().await;
    let faults = json!({ "seed": 3, "rates": { "capture": { "decline": 1.0 } } });
    assert_eq!(shop.control(Method::PUT, "/faults", Some(&faults)).await.status, 204);
    let id = shop.authorise("o1", "500").await;
    assert_eq!(shop.capture(&id, "k1").await.status, 402);
    assert_eq!(shop.control(Method::GET, "/faults", None).await.body["seed"], 3);

    let bad = json!({ "rates": { "capture": { "decline": 2.0 } } });
    assert_eq!(shop.control(Method::PUT, "/faults", Some(&bad)).await.status, 400);
    assert_eq!(shop.control(Method::PUT, "/faults", Some(&json!({}))).await.status, 204);
    let next = json!({ "operation": "capture", "order": "o1", "fault": "server_error" });
    assert_eq!(shop.control(Method::POST, "/faults/next", Some(&next)).await.status, 204);
    assert_eq!(shop.capture(&id, "k2").await.status, 500);
    assert_eq!(shop.capture(&id, "k3").await.status, 200);
}

#[tokio::test]
async fn the_next_request_of_any_order_meets_a_fault() {
    let shop = Shop::open().await;
    let next = json!({ "operation": "capture", "fault": "decline" });
    assert_eq!(shop.control(Method::POST, "/faults/next", Some(&next)).await.status, 204);
    let first = shop.authorise("o1", "500").await;
    let second = shop.authorise("o2", "500").await;
    assert_eq!(shop.capture(&first, "k1").await.status, 402);
    assert_eq!(shop.capture(&second, "k2").await.status, 200);
}

#[tokio::test]
async fn webhooks_are_directed_over_http() {
    let shop = Shop::open().await;
    let mut gateway = Gateway::open(&[]).await;
    let target = json!({ "gateway_url": gateway.url, "token": "t" });
    assert_eq!(shop.control(Method::PUT, "/webhooks", Some(&target)).await.status, 204);
    shop.buy("o1/1").await;
    assert_eq!(gateway.next().await.0, "/webhooks/shippo?token=t");
    let bad = json!({ "gateway_url": "https://shop.example.com" });
    assert_eq!(shop.control(Method::PUT, "/webhooks", Some(&bad)).await.status, 400);
}
