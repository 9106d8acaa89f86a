//! Tracking webhooks: their shape, their order, and that none is lost.

use std::time::Duration;

use despatch_sandbox::{Fault, Operation, Options, Target, TrackingPace};
use serde_json::json;

use crate::gateway::Gateway;
use crate::shop::{Shop, eventually};

pub(crate) const AT_ONCE: TrackingPace = TrackingPace {
    to_transit: Duration::from_millis(1),
    to_delivered: Duration::from_millis(1),
    jitter: 0.5,
};

async fn shop_for(gateway: &Gateway) -> Shop {
    let options = Options {
        gateway_url: Some(gateway.url.clone()),
        webhook_token: Some("s3cret&more".into()),
        tracking: AT_ONCE,
        ..Options::default()
    };
    Shop::with(options).await
}

#[tokio::test]
async fn a_parcel_is_scanned_then_delivered() {
    let mut gateway = Gateway::open(&[]).await;
    let shop = shop_for(&gateway).await;
    let bought = shop.buy("o1/1").await;
    let (path, transit) = gateway.next().await;
    assert_eq!(path, "/webhooks/shippo?token=s3cret%26more");
    assert_eq!((transit["event"].as_str(), transit["test"].as_bool()), (Some("track_updated"), Some(true)));
    let data = &transit["data"];
    assert_eq!(data["tracking_number"], bought.body["tracking_number"]);
    assert_eq!(data["transaction"], bought.body["object_id"]);
    assert_eq!(data["metadata"], "o1/1");
    assert_eq!(data["carrier"], "usps");
    let status = &data["tracking_status"];
    assert_eq!(status["status"], "TRANSIT");
    for field in ["object_id", "status_details", "status_date"] {
        assert!(status[field].is_string(), "{field}");
    }
    assert_eq!(status["location"]["country"], "US");
    assert_eq!(data["tracking_history"].as_array().unwrap().len(), 1);

    let (_, delivered) = gateway.next().await;
    let data = &delivered["data"];
    assert_eq!(data["tracking_status"]["status"], "DELIVERED");
    assert_eq!(data["tracking_history"].as_array().unwrap().len(), 2);
    let id = bought.text("object_id");
    eventually("the label says delivered", async || {
        shop.shippo_get(&format!("/transactions/{id}")).await.text("tracking_status") == "DELIVERED"
    })
    .await;
    assert!(gateway.is_quiet());
}

#[tokio::test]
async fn a_webhook_is_repeated_until_it_is_taken() {
    let mut gateway = Gateway::open(&[503, 401]).await;
    let shop = shop_for(&gateway).await;
    shop.buy("o1/1").await;
    assert_eq!(gateway.statuses(4).await, ["TRANSIT", "TRANSIT", "TRANSIT", "DELIVERED"]);
}

#[tokio::test]
async fn scans_come_twice_or_backwards_under_faults() {
    let mut gateway = Gateway::open(&[]).await;
    let shop = shop_for(&gateway).await;
    let target = |order: &str, fault| {
        shop.sandbox.fault_next(Target { operation: Operation::Scan, order: order.into(), fault, times: 1 });
    };
    target("o1", Fault::Duplicate);
    shop.buy("o1/1").await;
    let mut twice = Vec::new();
    for _ in 0..4 {
        twice.push(gateway.next().await.1);
    }
    assert_eq!(twice[0], twice[1], "the same scan to the letter");
    assert_eq!(twice[2], twice[3]);
    assert_eq!(twice[3]["data"]["tracking_status"]["status"], "DELIVERED");

    target("o2", Fault::OutOfOrder);
    shop.buy("o2/1").await;
    let (_, first) = gateway.next().await;
    let (_, second) = gateway.next().await;
    let date = |webhook: &serde_json::Value| {
        webhook["data"]["tracking_status"]["status_date"].as_str().unwrap().to_owned()
    };
    assert_eq!(first["data"]["tracking_status"]["status"], "DELIVERED");
    assert_eq!(second["data"]["tracking_status"]["status"], "TRANSIT");
    assert!(date(&second) < date(&first), "late, but dated when it happened");
}

#[tokio::test]
async fn scans_wait_for_a_gateway() {
    let shop = Shop::with(Options { tracking: AT_ONCE, ..Options::default() }).await;
    shop.buy("o1/1").await;
    let mut gateway = Gateway::open(&[]).await;
    shop.sandbox.set_webhook_target(&gateway.url, None).unwrap();
    let (path, _) = gateway.next().await;
    assert_eq!(path, "/webhooks/shippo");
    assert_eq!(gateway.statuses(1).await, ["DELIVERED"]);
    for bad in ["https://shop.example.com", "nonsense", "ftp://127.0.0.1"] {
        assert!(shop.sandbox.set_webhook_target(bad, None).is_err(), "{bad}");
    }
}

#[tokio::test]
async fn a_voided_label_is_not_scanned_and_a_scanned_one_not_voided() {
    let shop = Shop::with(Options { tracking: AT_ONCE, ..Options::default() }).await;
    let voided = shop.buy("o1/1").await;
    let answer = shop.shippo("/refunds", &json!({ "transaction": voided.text("object_id") })).await;
    assert_eq!(answer.text("status"), "PENDING");
    let kept = shop.buy("o2/1").await;
    let mut gateway = Gateway::open(&[]).await;
    shop.sandbox.set_webhook_target(&gateway.url, None).unwrap();
    for _ in 0..2 {
        assert_eq!(gateway.next().await.1["data"]["metadata"], "o2/1");
    }
    let id = kept.text("object_id").to_owned();
    let too_late = shop.shippo("/refunds", &json!({ "transaction": id })).await;
    assert_eq!(too_late.text("status"), "ERROR");
    assert_eq!(shop.sandbox.counts().voided_labels, 1);
}
