//! Labels go out, carriers' scans come in, and what the workers know of an order is shown.

use despatch_contracts::label::LabelCreated;
use despatch_contracts::order::OrderAccepted;
use despatch_contracts::payment::PaymentCaptured;
use despatch_contracts::shipment::{ShipmentDelivered, ShipmentDespatched};
use despatch_contracts::stock::{Allocation, Parcel, StockPicked, StockReserved};
use despatch_runtime::Worker;
use despatch_testkit::{TestEnv, eventually};
use serde_json::{Value, json};

use crate::fixture::{LINK_SECRET, Request, TestGateway, order, place, shippo};

/// The workers whose records are shown, with labels of our own, and no mail.
pub(crate) fn workers() -> Vec<Worker> {
    let sender = json!({"name": "Quay Street Supplies", "street1": "1 Quay St", "street2": "", "city": "Louisville",
                        "region": "KY", "postcode": "40202", "country": "US", "phone": ""});
    let labels = serde_json::from_value(json!({
        "sender": sender,
        "cartons": [],
        "parcel": {"length_cm": 30, "width_cm": 20, "height_cm": 10, "packaging_grams": 100, "unit_grams": 500},
        "rules": [{"service_levels": [], "countries": [], "carrier": "own", "services": ["courier"], "within_days": 0}],
        "shippo": {"base_url": "", "token": "", "timeout_seconds": 1, "settle_seconds": 1},
    }));
    let notifications = serde_json::from_value(json!({
        "shop_name": "Quay Street Supplies", "from": "orders@example.com", "message_id_domain": "example.com",
        "public_url": "https://example.com", "smtp_url": "fake:", "smtp_timeout_seconds": 1,
        "link_secret": LINK_SECRET, "alert_webhook": "",
    }));
    let reviews = serde_json::from_value(json!({
        "ask_after_seconds": 0, "reminders_seconds": [], "lapse_after_seconds": 3600,
        "public_url": "https://example.com", "link_secret": LINK_SECRET,
    }));
    vec![
        despatch_orders::worker(),
        despatch_payments::worker_with(despatch_payments::fake::Fake),
        despatch_labels::worker(&labels.expect("labels' configuration")).expect("it works"),
        despatch_notifications::worker(&notifications.expect("notifications' configuration"))
            .expect("it works"),
        despatch_reviews::worker(&reviews.expect("reviews' configuration")),
    ]
}

/// Carries a new order to its one label.
pub(crate) async fn labelled(env: &TestEnv, gateway: &TestGateway) -> LabelCreated {
    let order_id = gateway.send(place(&order("1"))).await.order_id();
    let accepted: OrderAccepted = env.expect(&order_id).await;
    env.deliver(&StockReserved { order: accepted.order.clone(), ..StockReserved::default() }).await;
    let captured: PaymentCaptured = env.expect(&order_id).await;
    let allocation =
        |line, sku: &str, quantity| Allocation { location: "main".into(), sku: sku.into(), quantity, line };
    let contents = vec![allocation(1, "A", 2), allocation(2, "B", 1)];
    let parcel = Parcel { number: 1, of: 1, location: "main".into(), contents, ..Parcel::default() };
    env.deliver(&StockPicked { order: captured.order, parcel: Some(parcel) }).await;
    env.expect(&order_id).await
}

pub(crate) fn scan(label: &LabelCreated, status: &str) -> Value {
    json!({
        "event": "track_updated",
        "data": {
            "carrier": label.carrier,
            "tracking_number": label.tracking_number,
            "tracking_status": {"status": status, "status_details": "By the scanner", "status_date": "2026-03-01T10:00:00Z"},
            "metadata": format!("{}/{}", label.order_id, label.parcel),
        }
    })
}

#[tokio::test]
async fn scans_move_an_order_and_count_once() {
    let env = TestEnv::new().await;
    let gateway = TestGateway::open(&env, workers()).await;
    let label = labelled(&env, &gateway).await;
    let order_id = &*label.order_id;

    for status in ["PRE_TRANSIT", "TRANSIT", "TRANSIT", "DELIVERED", "TRANSIT", "UNKNOWN"] {
        assert_eq!(gateway.send(shippo(&scan(&label, status))).await.status, 200, "{status}");
    }
    let delivered: ShipmentDelivered = env.expect(order_id).await;
    let delivered = delivered.scan.unwrap();
    assert_eq!((delivered.parcel, delivered.parcels), (1, 1));
    assert_eq!(
        (&*delivered.tracking_number, &*delivered.detail),
        (&*label.tracking_number, "By the scanner")
    );
    assert_eq!(delivered.scanned_at.unwrap().to_string(), "2026-03-01T10:00:00Z");
    let _: ShipmentDespatched = env.expect(order_id).await;
    assert_eq!(env.count::<ShipmentDespatched>(order_id).await, 1);

    let path = format!("/v1/orders/{order_id}");
    let shown = eventually("the order is delivered", async || {
        let shown = gateway.send(Request::new("GET", &*path).trusted()).await;
        assert_eq!(shown.status, 200, "{shown:?}");
        (shown.json()["state"] == "delivered").then(|| shown.json())
    })
    .await;
    assert_eq!((&shown["currency"], &shown["total_minor"]), (&json!("USD"), &json!(1900)));
    assert_eq!(shown["payment"]["tenders"][0]["captured_minor"], 1900);
    assert_eq!(shown["parcels"][0]["tracking_number"], label.tracking_number);
    assert_eq!(shown["parcels"][0]["stage"], "delivered");
    assert_eq!(
        (&shown["timeline"][0]["event"], &shown["timeline"][0]["from"]),
        (&json!("order.placed"), &Value::Null)
    );
}

#[tokio::test]
async fn an_order_is_ready_and_its_customer_collects_it() {
    let env = TestEnv::new().await;
    let gateway = TestGateway::open(&env, workers()).await;
    let order_id = gateway.send(place(&order("1"))).await.order_id();
    let accepted: OrderAccepted = env.expect(&order_id).await;
    let contents = vec![Allocation { location: "main".into(), sku: "A".into(), quantity: 3, line: 1 }];
    let parcel =
        Parcel { number: 1, of: 1, location: "main".into(), contents, is_collected: true, position: 1 };
    env.deliver(&StockPicked { order: accepted.order, parcel: Some(parcel) }).await;
    let path = format!("/v1/orders/{order_id}");
    let is_in = async |state: &str| {
        eventually("the order is in its state", async || {
            let shown = gateway.send(Request::new("GET", &*path).trusted()).await.json();
            (shown["state"] == state).then_some(shown)
        })
        .await
    };
    let shown = is_in("ready").await;
    let parcel = &shown["parcels"][0];
    assert_eq!((&parcel["carrier"], &parcel["stage"]), (&json!("pickup"), &json!("ready")));
    let note = |id: &str| Request::new("POST", format!("/v1/orders/{id}/collected")).trusted();
    assert_eq!(gateway.send(note("0192f000-0000-7000-8000-000000000000")).await.status, 404);
    assert_eq!(gateway.send(note(&order_id).body(r#"{"who": "ann"}"#)).await.status, 400);
    let noted = gateway.send(note(&order_id).body(r#"{"by": "ann"}"#)).await;
    assert_eq!((noted.status, noted.json()["outcome"].as_str()), (202, Some("collection-noted")));
    let shown = is_in("delivered").await;
    assert_eq!(shown["parcels"][0]["stage"], "collected");
    assert_eq!(env.count::<LabelCreated>(&order_id).await, 0);
}

#[tokio::test]
async fn labels_are_served_to_those_who_may_see_them() {
    let env = TestEnv::new().await;
    let gateway = TestGateway::open(&env, workers()).await;
    let label = labelled(&env, &gateway).await;
    let get = |end: &str| Request::new("GET", format!("/labels/{}{end}", label.label_id));

    for (end, content_type, start) in [
        ("", "application/pdf", "%PDF-"),
        (".pdf", "application/pdf", "%PDF-"),
        (".zpl", "application/zpl", "^XA"),
    ] {
        let answer = gateway.send(get(end).trusted()).await;
        assert_eq!((answer.status, answer.header("content-type")), (200, content_type));
        assert!(answer.body.starts_with(start.as_bytes()), "{end}");
    }
    assert_eq!(gateway.send(get("")).await.status, 401);
    let unknown = gateway.send(Request::new("GET", "/labels/nonsense").trusted()).await;
    assert_eq!((unknown.status, &unknown.json()["error"]["code"]), (404, &json!("label-unknown")));
}

#[tokio::test]
async fn a_scan_that_is_ahead_of_its_label_is_to_come_again() {
    let env = TestEnv::new().await;
    let gateway = TestGateway::open(&env, workers()).await;
    let order_id = gateway.send(place(&order("1"))).await.order_id();
    let ahead = LabelCreated {
        order_id: order_id.clone(),
        parcel: 1,
        carrier: "usps".into(),
        tracking_number: "9400".into(),
        ..LabelCreated::default()
    };
    let answer = gateway.send(shippo(&scan(&ahead, "TRANSIT"))).await;
    assert_eq!((answer.status, &answer.json()["error"]["code"]), (409, &json!("label-not-recorded")));
    assert_eq!(answer.header("retry-after"), "1");
    assert_eq!(env.messages("dead.>").await.len(), 0);
}

#[tokio::test]
async fn a_parcel_that_is_not_ours_is_a_case_once() {
    let env = TestEnv::new().await;
    let gateway = TestGateway::open(&env, workers()).await;
    let foreign =
        LabelCreated { carrier: "usps".into(), tracking_number: "9400".into(), ..LabelCreated::default() };
    for _ in 0..2 {
        assert_eq!(gateway.send(shippo(&scan(&foreign, "TRANSIT"))).await.status, 200);
    }
    let letter = env.expect_dead("").await;
    assert_eq!((&*letter.worker, &*letter.reason), ("gateway", "tracking-unknown"));
    assert_eq!(letter.event.unwrap().payload, scan(&foreign, "TRANSIT").to_string().into_bytes());
    assert_eq!(gateway.send(shippo(&scan(&foreign, "DELIVERED"))).await.status, 200);
    eventually("the other scan is a case too", async || {
        (env.messages("dead.>").await.len() == 2).then_some(())
    })
    .await;
}
