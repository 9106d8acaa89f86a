//! The client against a small server that answers as Shippo documents.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap as Headers, StatusCode as Code};
use axum::response::IntoResponse;
use axum::routing::{get, post};
use axum::{Json, Router};
use despatch_routing::Sides;
use despatch_runtime::Verdict;
use serde_json::{Value, json};

use super::*;

/// The server's record of requests, and its answer to purchases.
#[derive(Clone, Default)]
struct Script {
    seen: Arc<Mutex<Vec<Value>>>,
    purchase: Arc<Mutex<Option<(u16, Value)>>>,
    transactions: Arc<Mutex<Vec<Value>>>,
}

async fn ship(State(script): State<Script>, headers: Headers, Json(body): Json<Value>) -> impl IntoResponse {
    if headers.get("authorization").and_then(|value| value.to_str().ok()) != Some("ShippoToken secret") {
        return (Code::UNAUTHORIZED, Json(json!({"detail": "Invalid token"})));
    }
    script.seen.lock().unwrap().push(body);
    let rate = json!({
        "object_id": "r1", "amount": "8.75", "currency": "USD", "provider": "DHL Express",
        "servicelevel": {"token": "dhl_express_worldwide", "name": "Worldwide"}, "estimated_days": 3
    });
    (Code::CREATED, Json(json!({"object_id": "s1", "status": "SUCCESS", "rates": [rate], "messages": []})))
}

async fn buy(State(script): State<Script>, Json(body): Json<Value>) -> impl IntoResponse {
    script.seen.lock().unwrap().push(body);
    let (status, body) = script.purchase.lock().unwrap().clone().expect("the test says what is answered");
    (Code::from_u16(status).unwrap(), [("retry-after", "7")], Json(body))
}

#[derive(serde::Deserialize)]
struct Filter {
    rate: String,
}

async fn list(State(script): State<Script>, Query(Filter { rate }): Query<Filter>) -> Json<Value> {
    script.seen.lock().unwrap().push(json!({ "rate": rate }));
    let all = script.transactions.lock().unwrap();
    let shown: Vec<&Value> = all.iter().filter(|transaction| transaction["rate"] == rate).collect();
    Json(json!({ "results": shown, "next": null }))
}

async fn retrieve(State(script): State<Script>, Path(id): Path<String>) -> impl IntoResponse {
    let all = script.transactions.lock().unwrap();
    match all.iter().find(|transaction| transaction["object_id"] == id) {
        Some(found) => (Code::OK, Json(found.clone())),
        None => (Code::NOT_FOUND, Json(json!({"detail": "Not found."}))),
    }
}

fn transaction(rate: &str, reference: &str, status: &str) -> Value {
    json!({
        "object_id": format!("t-{reference}"), "object_created": "2026-01-02T03:04:05Z", "status": status,
        "rate": rate, "metadata": reference, "tracking_number": "9205", "label_url": "http://label",
        "messages": [{"code": "failed", "text": "The address_to is not deliverable"}]
    })
}

async fn open() -> (Script, Shippo) {
    let script = Script::default();
    let router = Router::new()
        .route("/shipments/", post(ship))
        .route("/transactions/", post(buy).get(list))
        .route("/refunds/", post(buy))
        .route("/transactions/{id}", get(retrieve))
        .route(
            "/label.pdf",
            get(|headers: Headers| async move {
                assert!(!headers.contains_key("authorization"), "the token is not for third parties");
                "%PDF-1.7 label"
            }),
        )
        .route("/label.html", get(|| async { "<html>" }))
        .with_state(script.clone());
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let base_url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    (script, client(base_url, "secret"))
}

fn client(base_url: String, token: &str) -> Shippo {
    let config = ShippoConfig { base_url, token: token.into(), timeout_seconds: 5, settle_seconds: 0 };
    Shippo::new(&config).unwrap()
}

async fn rates(shippo: &Shippo) -> Result<Vec<Rate>, ShippoError> {
    let address = Address { name: "Ада".into(), postcode: "50667".into(), ..Address::default() };
    let package = Package {
        grams: 600,
        sides: Sides::new([300, 200, 105]),
        assumed_weights: BTreeSet::new(),
        unknown_sides: BTreeSet::new(),
    };
    let consignment = Consignment { reference: "o/1", from: &address, to: &address, package: &package };
    shippo.rates(&consignment).await
}

#[tokio::test]
async fn rates_are_asked_for_and_read() {
    let (script, shippo) = open().await;
    let rates = rates(&shippo).await.unwrap();
    assert_eq!((rates[0].carrier.as_str(), rates[0].cost.minor), ("dhl_express", 875));
    let asked = script.seen.lock().unwrap()[0].clone();
    assert_eq!(asked["address_to"]["zip"], "50667");
    assert_eq!(asked["address_to"]["name"], "Ада");
    let expected = json!([{
        "length": "30", "width": "20", "height": "10.5", "distance_unit": "cm", "weight": "600", "mass_unit": "g"
    }]);
    assert_eq!(asked["parcels"], expected);
    assert_eq!(asked["async"], false);
}

#[tokio::test]
async fn a_wrong_token_is_our_fault_not_the_parcels() {
    let (_script, shippo) = open().await;
    let error = rates(&client(shippo.base_url.clone(), "wrong")).await.unwrap_err();
    assert!(matches!(error, ShippoError::Unauthorised(401)), "{error}");
    assert_eq!(error.verdict(), Verdict::Refused);
}

#[test]
fn what_cannot_be_an_address_or_a_token_is_refused() {
    let new = |base_url: &str, token: &str| {
        let (base_url, token) = (base_url.to_owned(), token.to_owned());
        Shippo::new(&ShippoConfig { base_url, token, timeout_seconds: 5, settle_seconds: 0 })
    };
    assert!(matches!(new("api.goshippo.com", "token"), Err(UnusableClient::BaseUrl(_))));
    assert!(matches!(new("https://api.goshippo.com", "to\nken"), Err(UnusableClient::Token)));
}

#[tokio::test]
async fn a_purchase_carries_our_reference() {
    let (script, shippo) = open().await;
    *script.purchase.lock().unwrap() = Some((201, transaction("r1", "o/1", "SUCCESS")));
    let purchase = shippo.buy("r1", "o/1").await.unwrap();
    assert_eq!(purchase.tracking_number, "9205");
    let asked = script.seen.lock().unwrap()[0].clone();
    assert_eq!((asked["rate"].as_str(), asked["metadata"].as_str()), (Some("r1"), Some("o/1")));
}

#[tokio::test]
async fn every_answer_has_its_verdict() {
    use despatch_domain::Reason;
    let (script, shippo) = open().await;
    let after = Duration::from_secs(7);
    let cases = [
        (429, json!({"detail": "throttled"}), Verdict::Down(after)),
        (500, json!({"detail": "oops"}), Verdict::Down(Duration::ZERO)),
        (503, json!({}), Verdict::Down(Duration::ZERO)),
        (401, json!({}), Verdict::Refused),
        (403, json!({}), Verdict::Refused),
        (200, json!({"unexpected": true}), Verdict::Retry),
        (201, transaction("r1", "o/1", "QUEUED"), Verdict::PutOff),
        (201, transaction("r1", "o/1", "ERROR"), Verdict::Reject(Reason::AddressUndeliverable)),
        (400, json!({"address_to": ["zip: required"]}), Verdict::Reject(Reason::AddressUndeliverable)),
        (400, json!({"parcels": ["too heavy"]}), Verdict::Reject(Reason::CarrierRejected)),
    ];
    for (status, body, verdict) in cases {
        *script.purchase.lock().unwrap() = Some((status, body.clone()));
        let error = shippo.buy("r1", "o/1").await.unwrap_err();
        assert_eq!(error.verdict(), verdict, "{status} {body}: {error}");
    }
}

#[tokio::test]
async fn no_answer_is_tried_again() {
    let closed = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let base_url = format!("http://{}", closed.local_addr().unwrap());
    drop(closed);
    let error = client(base_url, "secret").buy("r1", "o/1").await.unwrap_err();
    assert_eq!(error.verdict(), Verdict::Down(Duration::ZERO));
}

#[tokio::test]
async fn our_label_is_found_by_its_rate() {
    let (script, shippo) = open().await;
    *script.transactions.lock().unwrap() = vec![
        transaction("r2", "o/1", "SUCCESS"),
        transaction("r1", "o/2", "SUCCESS"),
        transaction("r1", "o/1", "ERROR"),
        transaction("r1", "o/1", "REFUNDED"),
    ];
    assert_eq!(shippo.find("r1", "o/1").await.unwrap(), None);
    script.transactions.lock().unwrap().push(transaction("r1", "o/1", "SUCCESS"));
    let found = shippo.find("r1", "o/1").await.unwrap();
    assert_eq!(found.map(|purchase| purchase.tracking_number).as_deref(), Some("9205"));
    assert_eq!(script.seen.lock().unwrap().len(), 2, "one request each, however many labels there are");
}

#[tokio::test]
async fn an_unfinished_label_is_waited_for() {
    let (script, shippo) = open().await;
    script.transactions.lock().unwrap().push(transaction("r1", "o/1", "WAITING"));
    let error = shippo.find("r1", "o/1").await.unwrap_err();
    assert!(matches!(error, ShippoError::Pending(_)), "{error}");
    assert_eq!(error.verdict(), Verdict::PutOff);
}

#[tokio::test]
async fn only_a_pdf_is_a_label() {
    let (_script, shippo) = open().await;
    let url = |file: &str| format!("{}/{file}", shippo.base_url);
    assert_eq!(shippo.document(&url("label.pdf")).await.unwrap(), b"%PDF-1.7 label");
    let error = shippo.document(&url("label.html")).await.unwrap_err();
    assert!(matches!(error, ShippoError::Unreadable(_)), "{error}");
}

#[tokio::test]
async fn each_state_of_a_refund_has_its_meaning() {
    let (script, shippo) = open().await;
    for (status, voiding) in [
        ("SUCCESS", Voiding::Done),
        ("QUEUED", Voiding::Pending),
        ("PENDING", Voiding::Pending),
        ("ERROR", Voiding::Refused),
    ] {
        let answer = json!({"object_id": "re1", "status": status, "transaction": "t1"});
        *script.purchase.lock().unwrap() = Some((201, answer));
        assert_eq!(shippo.void("t1").await.unwrap(), voiding, "{status}");
    }
    let asked = script.seen.lock().unwrap()[0].clone();
    assert_eq!(asked, json!({"transaction": "t1", "async": false}));
    *script.purchase.lock().unwrap() = Some((400, json!({"transaction": ["has been refunded"]})));
    assert!(shippo.void("t1").await.unwrap_err().is_refusal());
    for (status, voiding) in [
        ("SUCCESS", None),
        ("REFUNDPENDING", Some(Voiding::Pending)),
        ("REFUNDED", Some(Voiding::Done)),
        ("REFUNDREJECTED", Some(Voiding::Refused)),
    ] {
        *script.transactions.lock().unwrap() = vec![transaction("r1", "o", status)];
        assert_eq!(shippo.voiding("t-o").await.unwrap(), voiding, "{status}");
    }
    assert!(shippo.voiding("t-other").await.unwrap_err().is_refusal());
}
