//! The client against a server on loopback that answers as Stripe documents and records its requests.

use std::sync::{Arc, Mutex};
use std::time::UNIX_EPOCH;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap as Headers, Method, StatusCode, Uri};
use axum::response::IntoResponse;
use despatch_domain::Currency;
use serde_json::{Value, json};

use super::*;
use crate::provider::DisputeStatus;

/// A recorded request.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Asked {
    line: String,
    key: Option<String>,
    version: Option<String>,
    authorization: Option<String>,
    body: String,
}

#[derive(Clone)]
struct Scripted {
    status: StatusCode,
    headers: Vec<(&'static str, &'static str)>,
    body: Value,
    asked: Arc<Mutex<Vec<Asked>>>,
}

/// A Stripe that always gives this answer.
async fn stripe(status: u16, headers: &[(&'static str, &'static str)], body: Value) -> (Stripe, Scripted) {
    let script = Scripted {
        status: StatusCode::from_u16(status).unwrap(),
        headers: headers.to_vec(),
        body,
        asked: Arc::default(),
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base_url = format!("http://{}/", listener.local_addr().unwrap());
    let router = Router::new().fallback(answer).with_state(script.clone());
    tokio::spawn(async move { axum::serve(listener, router).await });
    let secret_key = SecretKey::from("sk_test_1".to_owned());
    let stripe =
        Stripe::new(&StripeConfig { base_url, secret_key, timeout_ms: 5_000, order_keys: BTreeMap::new() })
            .unwrap();
    (stripe, script)
}

async fn answer(
    State(script): State<Scripted>,
    method: Method,
    uri: Uri,
    headers: Headers,
    body: Bytes,
) -> impl IntoResponse {
    let header = |name: &str| headers.get(name).map(|value| value.to_str().unwrap().to_owned());
    script.asked.lock().unwrap().push(Asked {
        line: format!("{method} {uri}"),
        key: header("idempotency-key"),
        version: header("stripe-version"),
        authorization: header("authorization"),
        body: String::from_utf8(body.to_vec()).unwrap(),
    });
    let mut answered = Headers::new();
    for (name, value) in script.headers {
        answered.insert(name, value.parse().unwrap());
    }
    (script.status, answered, script.body.to_string())
}

fn intent(status: &str, received: i64, currency: &str) -> Value {
    json!({
        "id": "pi_1", "object": "payment_intent", "status": status, "amount": 1050, "metadata": {"order_id": "1001"},
        "amount_received": received, "currency": currency, "latest_charge": "ch_1",
    })
}

fn usd(minor: i64) -> Money {
    Money::new(minor, Currency::USD)
}

#[tokio::test]
async fn a_capture_is_asked_as_documented_and_its_answer_is_read() {
    let (stripe, script) = stripe(200, &[], intent("succeeded", 1050, "usd")).await;
    let captured = stripe.capture("pi_1", usd(1050), "o-1/capture/0/1").await.unwrap();
    assert_eq!(captured, Captured { reference: "ch_1".into(), amount: usd(1050) });
    let expected = Asked {
        line: "POST /v1/payment_intents/pi_1/capture".into(),
        key: Some("o-1/capture/0/1".into()),
        version: Some(VERSION.into()),
        authorization: Some("Bearer sk_test_1".into()),
        body: "amount_to_capture=1050".into(),
    };
    assert_eq!(*script.asked.lock().unwrap(), [expected]);
}

#[tokio::test]
async fn a_void_and_a_refund_are_asked_as_documented() {
    let (voiding, script) = stripe(200, &[], intent("canceled", 0, "usd")).await;
    voiding.void("pi_1", "k").await.unwrap();
    let asked = script.asked.lock().unwrap()[0].clone();
    assert_eq!(asked.line, "POST /v1/payment_intents/pi_1/cancel");
    assert_eq!(asked.body, "");

    let refund =
        json!({ "id": "re_1", "object": "refund", "amount": 1050, "currency": "usd", "status": "pending" });
    let (refunding, script) = stripe(200, &[], refund).await;
    let refunded = refunding.refund("pi_1", usd(1050), "r-1", "k").await.unwrap();
    assert_eq!(refunded, Refunded { reference: "re_1".into() });
    let asked = script.asked.lock().unwrap()[0].clone();
    assert_eq!((asked.line.as_str(), asked.key.as_deref()), ("POST /v1/refunds", Some("k")));
    assert_eq!(asked.body, "payment_intent=pi_1&amount=1050&metadata%5Brefund_id%5D=r-1");
}

#[tokio::test]
async fn a_look_up_reads_the_authorisations_status() {
    for (said, status) in [
        ("requires_capture", AuthorisationStatus::Authorised),
        (
            "succeeded",
            AuthorisationStatus::Captured(Captured { reference: "ch_1".into(), amount: usd(1050) }),
        ),
        ("canceled", AuthorisationStatus::Cancelled),
        ("requires_action", AuthorisationStatus::Unfinished),
        ("processing", AuthorisationStatus::Processing),
    ] {
        let (stripe, script) = stripe(200, &[], intent(said, 1050, "usd")).await;
        let payment = stripe.look_up("pi_1").await.unwrap();
        assert_eq!((payment.status, payment.amount), (status, Some(usd(1050))), "{said}");
        assert_eq!(payment.metadata, [("order_id".to_owned(), "1001".to_owned())]);
        assert_eq!(script.asked.lock().unwrap()[0].line, "GET /v1/payment_intents/pi_1");
    }
}

#[tokio::test]
async fn a_checkout_may_name_the_order_by_keys_of_its_own() {
    let mut paid = intent("requires_capture", 1050, "usd");
    paid["metadata"] = json!({ "shop_order": "1001", "order_id": "7", "cart_token": "t" });
    let (mut stripe, _) = stripe(200, &[], paid).await;
    let keys = [("shop_order", "order_number"), ("order_id", "")];
    stripe.order_keys = keys.map(|(key, field)| (key.to_owned(), field.to_owned())).into();
    let payment = stripe.look_up("pi_1").await.unwrap();
    let named = [("cart_token", "t"), ("order_number", "1001")];
    assert_eq!(payment.metadata, named.map(|(key, value)| (key.to_owned(), value.to_owned())));
}

#[tokio::test]
async fn a_dispute_says_how_far_it_is() {
    for (said, status) in [
        ("warning_needs_response", DisputeStatus::NeedsResponse),
        ("needs_response", DisputeStatus::NeedsResponse),
        ("warning_under_review", DisputeStatus::UnderReview),
        ("under_review", DisputeStatus::UnderReview),
        ("warning_closed", DisputeStatus::Won),
        ("prevented", DisputeStatus::Won),
        ("won", DisputeStatus::Won),
        ("lost", DisputeStatus::Lost),
    ] {
        let dispute = json!({
            "id": "du_1", "amount": 1050, "currency": "usd", "payment_intent": "pi_1", "reason": "duplicate",
            "status": said, "evidence_details": { "due_by": 1_800_000_000 },
        });
        let (stripe, script) = stripe(200, &[], dispute).await;
        let dispute = stripe.dispute("du_1").await.unwrap();
        assert_eq!((dispute.status, dispute.amount, &*dispute.reason), (status, usd(1050), "duplicate"));
        assert_eq!(dispute.due_by, Some(UNIX_EPOCH + Duration::from_secs(1_800_000_000)));
        assert_eq!(script.asked.lock().unwrap()[0].line, "GET /v1/disputes/du_1");
    }
}

#[tokio::test]
async fn refunds_are_listed_with_our_ids_apart_from_those_that_failed() {
    let refund = |id: &str, status: &str, metadata: Value| json!({ "id": id, "amount": 1050, "currency": "usd", "status": status, "metadata": metadata });
    let list = json!({ "object": "list", "data": [
        refund("re_1", "failed", json!({})),
        refund("re_2", "succeeded", json!({ "refund_id": "r-1" })),
        refund("re_3", "pending", json!({ "ticket": "7" })),
    ]});
    let (stripe, script) = stripe(200, &[], list).await;
    let refunds = stripe.refunds("pi_1").await.unwrap();
    assert_eq!(refunds.failed, ["re_1"]);
    let made: Vec<_> =
        refunds.made.iter().map(|it| (&*it.reference, it.refund_id.as_deref(), it.amount)).collect();
    assert_eq!(made, [("re_2", Some("r-1"), usd(1050)), ("re_3", None, usd(1050))]);
    assert_eq!(script.asked.lock().unwrap()[0].line, "GET /v1/refunds?payment_intent=pi_1&limit=100");
}

#[tokio::test]
async fn every_error_has_its_meaning() {
    let error = |kind: &str, code: &str| json!({ "error": { "type": kind, "code": code, "message": "why" } });
    let unexpected = |status: &str| {
        json!({ "error": {
            "type": "invalid_request_error", "code": "payment_intent_unexpected_state", "message": "why",
            "payment_intent": intent(status, 1050, "usd"),
        } })
    };
    let declined = json!({ "error": {
        "type": "card_error", "code": "card_declined", "decline_code": "insufficient_funds", "message": "why",
    } });
    let invalid = "invalid_request_error";
    let cases = [
        (402, declined, "Declined { code: \"insufficient_funds\" }"),
        (402, error("card_error", "expired_card"), "Declined { code: \"expired_card\" }"),
        (402, error("card_error", "capture_charge_authorization_expired"), "NotAllowed(Cancelled)"),
        (400, error(invalid, "charge_expired_for_capture"), "NotAllowed(Cancelled)"),
        (400, unexpected("canceled"), "NotAllowed(Cancelled)"),
        (400, unexpected("requires_action"), "NotAllowed(Unfinished)"),
        (400, unexpected("succeeded"), "NotAllowed(Captured(Captured { reference: \"ch_1\""),
        (400, error(invalid, "payment_intent_unexpected_state"), "Refused { code: \"payment_intent_unexpec"),
        (400, error(invalid, "amount_too_large"), "AmountRefused"),
        (400, error(invalid, "charge_already_refunded"), "AlreadyRefunded"),
        (400, error("idempotency_error", ""), "Refused { code: \"idempotency_error\""),
        (401, error(invalid, ""), "Unauthorised"),
        (403, error(invalid, "more_permissions_required"), "Unauthorised"),
        (403, json!("<html>"), "Unauthorised"),
        (404, error(invalid, "resource_missing"), "Refused { code: \"resource_missing\""),
        (404, json!("no such host"), "Unanswered"),
        (409, error("idempotency_error", "idempotency_key_in_use"), "InProgress"),
        (429, error("rate_limit_error", "rate_limit"), "Busy { after: 1s }"),
        (429, error(invalid, "lock_timeout"), "Busy { after: 1s }"),
        (500, error("api_error", ""), "Failed"),
        (500, json!("<html>"), "Unanswered"),
        (502, json!("<html>"), "Unanswered"),
        (503, error("api_error", ""), "Unanswered"),
        (302, json!(null), "Unanswered"),
        (200, json!({ "id": "pi_1" }), "Unanswered"),
    ];
    for (status, body, meaning) in cases {
        let (stripe, _) = stripe(status, &[], body.clone()).await;
        let error = stripe.capture("pi_1", usd(1050), "k").await.unwrap_err();
        assert!(format!("{error:?}").starts_with(meaning), "{status} {body}: {error:?}");
    }
}

#[tokio::test]
async fn a_replayed_failure_is_the_keys_answer_from_then_on() {
    let body = json!({ "error": { "type": "api_error", "message": "why" } });
    let (stripe, _) = stripe(503, &[("idempotent-replayed", "true")], body).await;
    let error = stripe.capture("pi_1", usd(1050), "k").await.unwrap_err();
    assert!(matches!(error, ProviderError::Failed { .. }), "{error:?}");
}

#[tokio::test]
async fn a_busy_stripe_says_for_how_long() {
    let (stripe, _) = stripe(429, &[("retry-after", "7")], json!({ "error": {} })).await;
    let error = stripe.capture("pi_1", usd(1050), "k").await.unwrap_err();
    assert!(matches!(error, ProviderError::Busy { after } if after == Duration::from_secs(7)), "{error:?}");
}

#[tokio::test]
async fn amounts_are_stripes_in_both_directions() {
    let krona = |minor| Money::new(minor, Currency::parse("ISK").unwrap());
    let (stripe, script) = stripe(200, &[], intent("succeeded", 500, "isk")).await;
    let captured = stripe.capture("pi_1", krona(5), "k").await.unwrap();
    assert_eq!(captured.amount, krona(5));
    assert_eq!(script.asked.lock().unwrap()[0].body, "amount_to_capture=500");
}

#[tokio::test]
async fn an_amount_that_stripe_cannot_take_is_refused_unasked() {
    let (stripe, script) = stripe(200, &[], intent("succeeded", 5124, "kwd")).await;
    let fils = Money::new(5124, Currency::parse("KWD").unwrap());
    let error = stripe.capture("pi_1", fils, "k").await.unwrap_err();
    assert!(matches!(error, ProviderError::AmountRefused { .. }), "{error:?}");
    assert_eq!(*script.asked.lock().unwrap(), []);
}

#[tokio::test]
async fn a_reference_that_leads_elsewhere_is_refused_unasked() {
    let (stripe, script) = stripe(200, &[], intent("succeeded", 1050, "usd")).await;
    for reference in ["", "../refunds", "pi_1/cancel?", "pi_1#", "pi%2e", "pi 1"] {
        let error = stripe.look_up(reference).await.unwrap_err();
        assert!(matches!(error, ProviderError::Refused { .. }), "{reference:?}: {error:?}");
    }
    assert_eq!(*script.asked.lock().unwrap(), []);
}

#[tokio::test]
async fn silence_is_no_answer() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base_url = format!("http://{}", listener.local_addr().unwrap());
    let secret_key = SecretKey::from("sk_test_1".to_owned());
    let config = StripeConfig { base_url, secret_key, timeout_ms: 50, order_keys: BTreeMap::new() };
    let error = Stripe::new(&config).unwrap().capture("pi_1", usd(1050), "k").await.unwrap_err();
    assert!(matches!(error, ProviderError::Unanswered(_)), "{error:?}");
    drop(listener);
    let error = Stripe::new(&config).unwrap().capture("pi_1", usd(1050), "k").await.unwrap_err();
    let causes = std::iter::successors(std::error::Error::source(&error), |cause| cause.source());
    assert!(causes.last().expect("a cause").to_string().contains("refused"), "{error:?}");
}

#[test]
fn a_client_that_cannot_work_is_not_made_and_a_key_is_not_shown() {
    let config = |base_url: &str, key: &str| StripeConfig {
        base_url: base_url.into(),
        secret_key: key.to_owned().into(),
        timeout_ms: 1,
        order_keys: BTreeMap::new(),
    };
    for base_url in ["", "api.stripe.com", "ftp://api.stripe.com", "/v1"] {
        let made = Stripe::new(&config(base_url, "sk"));
        assert!(matches!(made, Err(UnusableClient::BaseUrl(_))), "{base_url:?}");
    }
    for key in ["", " ", "s\nk"] {
        assert!(matches!(Stripe::new(&config("http://x", key)), Err(UnusableClient::SecretKey)), "{key:?}");
    }
    let publishable = Stripe::new(&config("http://x", "pk_live_1"));
    assert!(matches!(publishable, Err(UnusableClient::PublishableKey)), "{publishable:?}");
    let shown = format!("{:?}", config("http://x", "sk_live_1"));
    assert!(!shown.contains("sk_live_1"), "{shown}");
}

#[tokio::test]
async fn the_balance_says_whether_stripe_serves_us() {
    use despatch_runtime::{ProviderAnswer, ProviderCheck as _, ProviderFault};

    let refusal =
        json!({ "error": { "type": "invalid_request_error", "message": "Invalid API Key provided" } });
    let live = json!({ "object": "balance", "livemode": true });
    let test = json!({ "object": "balance", "livemode": false });
    let answers = "it answers".to_owned();
    for (status, headers, body, expected) in [
        (200, &[][..], live, Ok(ProviderAnswer::Live(answers.clone()))),
        (200, &[], test.clone(), Ok(ProviderAnswer::Test(answers))),
        (200, &[("despatch-sandbox", "1")], test, Ok(ProviderAnswer::StandIn)),
        (401, &[], refusal.clone(), Err(ProviderFault::Refused("Invalid API Key provided".into()))),
        (429, &[], refusal.clone(), Err(ProviderFault::Busy)),
        (500, &[], refusal, Err(ProviderFault::Failed("Invalid API Key provided".into()))),
    ] {
        let (stripe, script) = stripe(status, headers, body).await;
        assert_eq!(stripe.check().await, expected);
        let asked = script.asked.lock().unwrap();
        assert_eq!((asked[0].line.as_str(), asked.len()), ("GET /v1/balance", 1));
        assert_eq!(asked[0].authorization.as_deref(), Some("Bearer sk_test_1"));
    }
}
