//! Shipments, labels and their files.

use reqwest::Method;
use serde_json::json;

use crate::shop::{Shop, purchase, shipment};

#[tokio::test]
async fn a_shipment_has_rates_and_a_rate_buys_a_label() {
    let shop = Shop::open().await;
    let shipped = shop.shippo("/shipments/", &shipment("o1/1")).await;
    assert_eq!(shipped.status, 201);
    assert_eq!(shipped.text("status"), "SUCCESS");
    let rates = shipped.body["rates"].as_array().unwrap();
    assert!(rates.len() >= 3);
    for rate in rates {
        assert_eq!(rate["object_id"].as_str().unwrap().len(), 32);
        assert!(rate["servicelevel"]["token"].is_string() && rate["provider"].is_string());
        assert_eq!(rate["currency"], "USD");
        assert!(rate["estimated_days"].is_u64());
        let (_, cents) = rate["amount"].as_str().unwrap().split_once('.').unwrap();
        assert_eq!(cents.len(), 2);
    }

    let rate = rates[1]["object_id"].as_str().unwrap();
    assert_eq!(shop.shippo_get(&format!("/rates/{rate}")).await.body, rates[1]);
    let bought = shop.shippo("/transactions", &purchase(rate, "o1/1")).await;
    assert_eq!(bought.status, 201);
    assert_eq!(bought.text("status"), "SUCCESS");
    assert_eq!(bought.text("object_state"), "VALID");
    assert_eq!(bought.text("rate"), rate);
    assert_eq!(bought.text("metadata"), "o1/1");
    assert_eq!(bought.text("tracking_number").len(), 22);
    assert_eq!(bought.text("tracking_status"), "PRE_TRANSIT");
    let id = bought.text("object_id");
    assert_eq!(shop.shippo_get(&format!("/transactions/{id}")).await.body, bought.body);

    let label = shop.http.get(bought.text("label_url")).send().await.unwrap();
    assert_eq!(label.headers()["content-type"], "application/pdf");
    let label = label.bytes().await.unwrap();
    assert!(label.starts_with(b"%PDF-1.4\n") && label.trim_ascii_end().ends_with(b"%%EOF"));
    let text = String::from_utf8_lossy(&label);
    assert!(text.contains(bought.text("tracking_number")) && text.contains("Claire Gute"));
}

#[tokio::test]
async fn carriers_bill_room_and_refuse_what_is_too_heavy_or_too_long() {
    let shop = Shop::open().await;
    let offered = async |length: &str, grams: &str| {
        let mut shipment = shipment("o1/1");
        shipment["parcels"][0]["length"] = length.into();
        shipment["parcels"][0]["weight"] = grams.into();
        shop.shippo("/shipments/", &shipment).await.body
    };
    let offers = |body: &serde_json::Value| body["rates"].as_array().unwrap().len();
    let price = |body: &serde_json::Value| body["rates"][0]["amount"].as_str().unwrap().to_owned();
    let (light, roomy) = (offered("30", "1200").await, offered("150", "1200").await);
    assert_eq!((price(&light), price(&roomy)), ("6.15".to_owned(), "11.35".to_owned()));
    assert_eq!((offers(&light), light["messages"].as_array().unwrap().len()), (5, 0));
    let heavy = offered("30", "40000").await;
    assert_eq!((offers(&heavy), heavy["rates"][0]["provider"].as_str()), (2, Some("UPS")));
    assert_eq!(heavy["messages"][0]["source"], "USPS");
    for nobody in [offered("30", "70000").await, offered("400", "1200").await] {
        assert_eq!((offers(&nobody), nobody["messages"].as_array().unwrap().len()), (0, 5));
    }
}

#[tokio::test]
async fn a_printer_gets_its_own_language() {
    let shop = Shop::open().await;
    let rate = shop.rate("o1/1").await;
    let order = json!({ "rate": rate, "label_file_type": "ZPLII", "metadata": "o1/1", "async": false });
    let bought = shop.shippo("/transactions", &order).await;
    let label = shop.http.get(bought.text("label_url")).send().await.unwrap().text().await.unwrap();
    assert!(label.starts_with("^XA") && label.trim_end().ends_with("^XZ"), "{label}");
    assert!(label.contains(&format!("^FD{}^FS", bought.text("tracking_number"))));
}

#[tokio::test]
async fn buying_twice_makes_two_labels_and_is_reported() {
    let shop = Shop::open().await;
    let rate = shop.rate("o1/1").await;
    let first = shop.shippo("/transactions", &purchase(&rate, "o1/1")).await;
    let second = shop.shippo("/transactions", &purchase(&rate, "o1/1")).await;
    assert_ne!(first.text("object_id"), second.text("object_id"));
    assert_ne!(first.text("tracking_number"), second.text("tracking_number"));
    shop.buy("o1/2").await;
    let counts = shop.sandbox.counts();
    assert_eq!(counts.labels, 3);
    assert_eq!(counts.double_labels.len(), 1);
    let double = &counts.double_labels[0];
    assert_eq!((double.order.as_str(), double.parcel.as_str(), double.labels), ("o1", "1", 2));

    let voided = shop.shippo("/refunds", &json!({ "transaction": first.text("object_id") })).await;
    assert_eq!((voided.status, voided.text("status")), (201, "PENDING"));
    let again = shop.shippo("/refunds", &json!({ "transaction": first.text("object_id") })).await;
    assert_eq!(again.status, 400);
    let counts = shop.sandbox.counts();
    assert_eq!((counts.labels, counts.voided_labels, counts.double_labels.len()), (3, 1, 0));
}

#[tokio::test]
async fn some_carriers_take_a_label_back_at_once_and_others_later() {
    let shop = Shop::open().await;
    let shipped = shop.shippo("/shipments/", &shipment("o1/1")).await;
    let looks =
        async |id: &str| shop.shippo_get(&format!("/transactions/{id}")).await.text("status").to_owned();
    for (service, answer, first, second) in [
        ("usps_priority_express", "SUCCESS", "REFUNDED", "REFUNDED"),
        ("ups_ground", "QUEUED", "REFUNDED", "REFUNDED"),
        ("usps_priority", "PENDING", "REFUNDPENDING", "REFUNDED"),
    ] {
        let rates = shipped.body["rates"].as_array().unwrap();
        let rate = rates.iter().find(|rate| rate["servicelevel"]["token"] == service).unwrap();
        let bought =
            shop.shippo("/transactions", &purchase(rate["object_id"].as_str().unwrap(), "o1/1")).await;
        let id = bought.text("object_id");
        let voided = shop.shippo("/refunds/", &json!({ "transaction": id, "async": false })).await;
        assert_eq!(voided.text("status"), answer, "{service}");
        assert_eq!((looks(id).await.as_str(), looks(id).await.as_str()), (first, second), "{service}");
    }
}

#[tokio::test]
async fn an_undeliverable_address_is_an_answer_with_a_message() {
    let shop = Shop::open().await;
    let mut request = shipment("o1/1");
    request["address_to"]["zip"] = "00000".into();
    let shipped = shop.shippo("/shipments", &request).await;
    let rate = shipped.body["rates"][0]["object_id"].as_str().unwrap();
    let bought = shop.shippo("/transactions", &purchase(rate, "o1/1")).await;
    assert_eq!((bought.status, bought.text("status")), (201, "ERROR"));
    assert_eq!((bought.text("label_url"), bought.text("tracking_number")), ("", ""));
    assert!(bought.body["messages"][0]["text"].as_str().unwrap().contains("not deliverable"));
    assert_eq!(shop.sandbox.counts().labels, 0);
}

#[tokio::test]
async fn labels_are_listed_newest_first_and_by_rate() {
    let shop = Shop::open().await;
    let rate = shop.rate("o1/1").await;
    let request = purchase(&rate, "o1/1");
    let again = || shop.shippo("/transactions", &request);
    let bought = [again().await, shop.buy("o1/2").await, shop.buy("o2/1").await, again().await];
    let ids: Vec<String> = bought.iter().map(|label| label.text("object_id").to_owned()).collect();
    let listed = |body: &serde_json::Value| -> Vec<String> {
        let results = body["results"].as_array().unwrap().iter();
        results.map(|result| result["object_id"].as_str().unwrap().to_owned()).collect()
    };
    let of_rate = shop.shippo_get(&format!("/transactions/?rate={rate}")).await;
    assert_eq!(listed(&of_rate.body), [ids[3].clone(), ids[0].clone()]);

    let first = shop.shippo_get("/transactions?results=3").await;
    assert_eq!(listed(&first.body), [ids[3].clone(), ids[2].clone(), ids[1].clone()]);
    assert!(first.body["previous"].is_null());
    let second = shop.shippo_get(first.text("next")).await;
    assert_eq!(listed(&second.body), [ids[0].clone()]);
    assert!(second.body["next"].is_null() && second.body["previous"].is_string());
    assert_eq!(listed(&shop.shippo_get("/transactions/?object_status=ERROR").await.body), [""; 0]);
    assert_eq!(shop.shippo_get("/transactions/?page=0").await.status, 400);
    assert_eq!(shop.shippo_get("/transactions/?rate=none").await.status, 400);
}

#[tokio::test]
async fn requests_that_make_no_sense_are_refused_by_field() {
    let shop = Shop::open().await;
    let without = |field: &str| {
        let mut request = shipment("o1/1");
        request.as_object_mut().unwrap().remove(field);
        request
    };
    let with = |pointer: &str, value: serde_json::Value| {
        let mut request = shipment("o1/1");
        *request.pointer_mut(pointer).unwrap() = value;
        request
    };
    let rate = shop.rate("o1/1").await;
    let unknown = "0123456789abcdef0123456789abcde1";
    let cases = [
        ("/shipments", without("address_to"), "address_to"),
        ("/shipments", without("parcels"), "parcels"),
        ("/shipments", with("/address_to/city", "".into()), "address_to"),
        ("/shipments", with("/address_to/country", "Utopia".into()), "address_to"),
        ("/shipments", with("/address_from/zip", "".into()), "address_from"),
        ("/shipments", with("/parcels/0/weight", "heavy".into()), "parcels"),
        ("/shipments", with("/parcels/0/weight", 0.into()), "parcels"),
        ("/shipments", with("/parcels/0/mass_unit", "stone".into()), "parcels"),
        ("/shipments", with("/metadata", "x".repeat(101).into()), "metadata"),
        ("/shipments", with("/async", true.into()), "async"),
        ("/shipments", json!([]), "__all__"),
        ("/transactions", purchase(unknown, "o1/1"), "rate"),
        ("/transactions", purchase("", "o1/1"), "rate"),
        ("/transactions", purchase(&rate, &"x".repeat(101)), "metadata"),
        ("/refunds", json!({ "transaction": unknown }), "transaction"),
    ];
    for (path, body, field) in cases {
        let answer = shop.shippo(path, &body).await;
        assert_eq!(answer.status, 400, "{path} {body}");
        assert!(answer.body[field][0].is_string(), "{path} {body}: {}", answer.body);
    }
    assert_eq!(shop.shippo_get(&format!("/transactions/{unknown}")).await.status, 404);
    assert_eq!(shop.shippo_get(&format!("/rates/{unknown}")).await.status, 404);
    assert_eq!(shop.shippo_get("/carriers").await.status, 404);
    assert_eq!(shop.sandbox.counts().labels, 0);
}

#[tokio::test]
async fn a_token_is_required() {
    let shop = Shop::open().await;
    let url = format!("{}/shipments", shop.sandbox.shippo_url());
    for authorization in ["", "Bearer shippo_test_1", "ShippoToken "] {
        let request = shop.http.request(Method::POST, &url).header("Authorization", authorization);
        let answer = request.json(&shipment("o1/1")).send().await.unwrap();
        assert_eq!(answer.status(), 401, "{authorization:?}");
        let body: serde_json::Value = answer.json().await.unwrap();
        assert!(body["detail"].is_string());
    }
}
