//! PaymentIntents: states, errors and idempotency.

use std::collections::BTreeMap;
use std::time::Duration;

use despatch_sandbox::{Fault, Faults, Operation, Options, Target};
use reqwest::Method;

use crate::shop::{Shop, authorisation, eventually};

#[tokio::test]
async fn an_intent_is_authorised_captured_and_refunded() {
    let shop = Shop::open().await;
    let created = shop.stripe("/v1/payment_intents", &authorisation("o1", "1099"), "k1").await;
    assert_eq!(created.status, 200);
    assert!(created.headers.contains_key("request-id"));
    let id = created.text("id").to_owned();
    assert!(id.starts_with("pi_") && id.len() == 27, "{id}");
    assert_eq!(created.text("status"), "requires_capture");
    assert_eq!(created.text("currency"), "usd");
    assert_eq!(created.body["metadata"]["order_id"], "o1");
    assert_eq!((&created.body["amount"], &created.body["amount_capturable"]), (&1099.into(), &1099.into()));
    assert_eq!(created.body["amount_received"], 0);

    let path = format!("/v1/payment_intents/{id}/capture");
    let captured = shop.stripe(&path, &[("amount_to_capture", "1000")], "k2").await;
    assert_eq!(captured.text("status"), "succeeded");
    assert_eq!(captured.body["amount_received"], 1000);
    assert_eq!(captured.body["amount_capturable"], 0);
    assert!(captured.text("latest_charge").starts_with("ch_"));

    let refunded = shop
        .stripe("/v1/refunds", &[("payment_intent", &id), ("amount", "400"), ("metadata[why]", "late")], "k3")
        .await;
    assert_eq!(refunded.text("status"), "succeeded");
    assert_eq!(refunded.body["amount"], 400);
    assert_eq!(refunded.body["metadata"]["why"], "late");
    let too_much = shop.stripe("/v1/refunds", &[("payment_intent", &id), ("amount", "601")], "k3b").await;
    assert_eq!((too_much.status, &too_much.body["error"]["param"]), (400, &"amount".into()));
    let rest = shop.stripe("/v1/refunds", &[("payment_intent", &id)], "k4").await;
    assert_eq!(rest.body["amount"], 600);
    let list = shop.try_stripe(Method::GET, "/v1/refunds", &[("payment_intent", &id)], None).await.unwrap();
    assert_eq!((&list.body["data"][0], &list.body["data"][1]), (&rest.body, &refunded.body));
    let others = [("payment_intent", "pi_other")];
    let others = shop.try_stripe(Method::GET, "/v1/refunds", &others, None).await.unwrap();
    assert_eq!(others.body["data"], serde_json::json!([]));
    let none_left = shop.stripe("/v1/refunds", &[("payment_intent", &id)], "k5").await;
    assert_eq!(none_left.error(), ("invalid_request_error", "charge_already_refunded"));

    let counts = shop.sandbox.order_counts("o1").unwrap();
    assert_eq!((counts.intents, counts.captures, counts.captured_minor), (1, 1, 1000));
    assert_eq!((counts.refunds, counts.refunded_minor, counts.cancels), (2, 1000, 0));
}

#[tokio::test]
async fn what_the_state_does_not_allow_is_refused_with_the_intent() {
    let shop = Shop::open().await;
    let captured = shop.authorise("o1", "500").await;
    shop.capture(&captured, "c1").await;
    let cancelled = shop.authorise("o2", "500").await;
    let gone = shop.stripe(&format!("/v1/payment_intents/{cancelled}/cancel"), &[], "x2").await;
    assert_eq!(gone.text("status"), "canceled");
    assert_eq!(gone.body["amount_capturable"], 0);

    for (path, form) in [
        (format!("/v1/payment_intents/{captured}/capture"), vec![]),
        (format!("/v1/payment_intents/{captured}/cancel"), vec![]),
        (format!("/v1/payment_intents/{cancelled}/capture"), vec![]),
        (format!("/v1/payment_intents/{cancelled}/cancel"), vec![]),
        ("/v1/refunds".to_owned(), vec![("payment_intent", cancelled.as_str())]),
    ] {
        let answer = shop.try_stripe(Method::POST, &path, &form, None).await.unwrap();
        assert_eq!(answer.status, 400, "{path}");
        assert_eq!(answer.error(), ("invalid_request_error", "payment_intent_unexpected_state"), "{path}");
        assert!(answer.body["error"]["payment_intent"]["status"].is_string(), "{path}");
    }
    assert_eq!(shop.sandbox.counts().captured_minor, 500);
}

#[tokio::test]
async fn requests_that_make_no_sense_are_refused() {
    let shop = Shop::open().await;
    let id = shop.authorise("o1", "500").await;
    let create = "/v1/payment_intents";
    let with = |name: &'static str, value: &'static str| {
        let mut form = BTreeMap::from(authorisation("o9", "500"));
        form.insert(name, value);
        form.into_iter().collect::<Vec<_>>()
    };
    let capture = format!("{create}/{id}/capture");
    let cancel = format!("{create}/{id}/cancel");
    let cases = [
        (create, with("amount", "0"), 400, "parameter_invalid_integer"),
        (create, with("amount", "10.99"), 400, "parameter_invalid_integer"),
        (create, with("amount", "100000000"), 400, "amount_too_large"),
        (create, with("currency", "dollars"), 400, ""),
        (create, with("currency", ""), 400, "parameter_missing"),
        (create, with("capture_method", "never"), 400, ""),
        (create, with("confirm", "false"), 400, ""),
        (create, with("payment_method", ""), 400, "parameter_missing"),
        (create, with("colour", "red"), 400, "parameter_unknown"),
        (&capture, vec![("amount_to_capture", "501")], 400, "amount_too_large"),
        (&capture, vec![("amount_to_capture", "-1")], 400, "parameter_invalid_integer"),
        (&cancel, vec![("cancellation_reason", "boredom")], 400, ""),
        ("/v1/payment_intents/pi_nope/capture", vec![], 404, "resource_missing"),
        ("/v1/refunds", vec![("payment_intent", "pi_nope")], 404, "resource_missing"),
        ("/v1/refunds", vec![], 400, "parameter_missing"),
        ("/v1/nonsense", vec![], 404, ""),
    ];
    for (path, form, status, code) in cases {
        let answer = shop.try_stripe(Method::POST, path, &form, None).await.unwrap();
        assert_eq!(answer.status, status, "{path} {form:?}: {}", answer.body);
        assert_eq!(answer.error(), ("invalid_request_error", code), "{path} {form:?}");
        assert!(answer.headers.contains_key("request-id"), "{path}");
    }
    assert_eq!(shop.sandbox.counts().intents, 1);
}

#[tokio::test]
async fn a_test_key_is_required() {
    let shop = Shop::open().await;
    let url = format!("{}/v1/payment_intents", shop.sandbox.stripe_url());
    let bare = shop.http.post(&url).form(&authorisation("o1", "500"));
    let live = shop.http.post(&url).form(&authorisation("o1", "500")).bearer_auth("sk_live_1");
    for request in [bare, live] {
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 401);
        let body: serde_json::Value = response.json().await.unwrap();
        assert_eq!(body["error"]["type"], "invalid_request_error");
    }
    assert_eq!(shop.sandbox.counts().intents, 0);
}

#[tokio::test]
async fn cards_decline_when_charged_or_when_captured() {
    let shop = Shop::open().await;
    let with = |order, method| {
        let mut form = authorisation(order, "500");
        form[4].1 = method;
        form
    };
    let form = with("o1", "pm_card_visa_chargeDeclinedInsufficientFunds");
    let at_once = shop.stripe("/v1/payment_intents", &form, "k1").await;
    assert_eq!(at_once.status, 402);
    assert_eq!(at_once.error(), ("card_error", "card_declined"));
    assert_eq!(at_once.body["error"]["decline_code"], "insufficient_funds");
    assert_eq!(at_once.body["error"]["payment_intent"]["status"], "requires_payment_method");

    let form = with("o2", "pm_sandbox_captureDeclinedLostCard");
    let authorised = shop.stripe("/v1/payment_intents", &form, "k2").await;
    assert_eq!(authorised.text("status"), "requires_capture");
    let id = authorised.text("id");
    let declined = shop.capture(id, "k3").await;
    assert_eq!(declined.status, 402);
    assert_eq!(declined.body["error"]["decline_code"], "lost_card");
    let after = shop.try_stripe(Method::GET, &format!("/v1/payment_intents/{id}"), &[], None).await.unwrap();
    assert_eq!(after.text("status"), "requires_capture");
    assert_eq!(after.body["last_payment_error"]["decline_code"], "lost_card");
    assert_eq!(shop.sandbox.counts().captures, 0);
}

#[tokio::test]
async fn currencies_without_minor_units_are_taken_as_they_are() {
    let shop = Shop::open().await;
    let mut form = authorisation("o1", "500");
    form[1].1 = "JPY";
    let created = shop.stripe("/v1/payment_intents", &form, "k1").await;
    assert_eq!(created.text("currency"), "jpy");
    assert_eq!(created.body["amount"], 500);
    form[1].1 = "kwd";
    form[0].1 = "5005";
    let too_fine = shop.stripe("/v1/payment_intents", &form, "k2").await;
    assert_eq!((too_fine.status, &too_fine.body["error"]["param"]), (400, &"amount".into()));
    form[0].1 = "5000";
    assert_eq!(shop.stripe("/v1/payment_intents", &form, "k2").await.status, 200);
}

#[tokio::test]
async fn a_key_replays_its_first_answer() {
    let shop = Shop::open().await;
    let id = shop.authorise("o1", "500").await;
    let first = shop.capture(&id, "k").await;
    let second = shop.capture(&id, "k").await;
    assert!(!first.replayed() && second.replayed());
    assert_eq!((first.status, &first.body), (second.status, &second.body));

    let refused = shop.capture(&id, "k2").await;
    let again = shop.capture(&id, "k2").await;
    assert_eq!(refused.status, 400);
    assert!(again.replayed());
    assert_eq!(refused.body, again.body);

    let created = shop.stripe("/v1/payment_intents", &authorisation("o1", "500"), "o1").await;
    assert!(created.replayed());
    assert_eq!(created.text("id"), id);
    assert_eq!(shop.sandbox.counts().intents, 1);
}

#[tokio::test]
async fn a_key_stands_for_one_request_only() {
    let shop = Shop::open().await;
    let id = shop.authorise("o1", "500").await;
    shop.capture(&id, "k").await;
    let other_amount =
        shop.stripe(&format!("/v1/payment_intents/{id}/capture"), &[("amount_to_capture", "1")], "k").await;
    let other_endpoint = shop.stripe(&format!("/v1/payment_intents/{id}/cancel"), &[], "k").await;
    for answer in [other_amount, other_endpoint] {
        assert_eq!(answer.status, 400);
        assert_eq!(answer.error().0, "idempotency_error");
        assert!(!answer.replayed());
    }
    let too_long = shop.capture(&id, &"k".repeat(256)).await;
    assert_eq!((too_long.status, too_long.error().0), (400, "idempotency_error"));
}

#[tokio::test]
async fn what_is_refused_before_it_runs_leaves_the_key_free() {
    let shop = Shop::open().await;
    let bad = shop.stripe("/v1/payment_intents", &authorisation("o1", "nothing"), "k").await;
    assert_eq!(bad.status, 400);
    let url = format!("{}/v1/payment_intents", shop.sandbox.stripe_url());
    let stranger = shop.http.post(url).header("Idempotency-Key", "k").form(&authorisation("o1", "500"));
    assert_eq!(stranger.send().await.unwrap().status(), 401);
    let limited =
        Target { operation: Operation::Authorise, order: "o1".into(), fault: Fault::RateLimited, times: 1 };
    shop.sandbox.fault_next(limited);
    let slow_down = shop.stripe("/v1/payment_intents", &authorisation("o1", "500"), "k").await;
    assert_eq!((slow_down.status, slow_down.error().0), (429, "rate_limit_error"));

    let good = shop.stripe("/v1/payment_intents", &authorisation("o1", "500"), "k").await;
    assert_eq!(good.status, 200);
    assert!(!good.replayed());
}

#[tokio::test]
async fn a_500_is_replayed_and_only_another_key_gets_further() {
    let shop = Shop::open().await;
    let id = shop.authorise("o1", "500").await;
    let failure =
        Target { operation: Operation::Capture, order: "o1".into(), fault: Fault::ServerError, times: 1 };
    shop.sandbox.fault_next(failure);
    let failed = shop.capture(&id, "k").await;
    assert_eq!((failed.status, failed.error().0), (500, "api_error"));
    let again = shop.capture(&id, "k").await;
    assert_eq!(again.status, 500);
    assert!(again.replayed());
    assert_eq!(shop.sandbox.counts().captures, 0);
    assert_eq!(shop.capture(&id, "k-2").await.status, 200);
}

#[tokio::test]
async fn a_key_in_flight_conflicts_until_its_client_hangs_up() {
    let faults = Faults { slow_ms: 3_600_000, ..Faults::none() };
    let shop = Shop::with(Options { faults, ..Options::default() }).await;
    let id = shop.authorise("o1", "500").await;
    shop.sandbox.fault_next(Target {
        operation: Operation::Capture,
        order: "o1".into(),
        fault: Fault::Slow,
        times: 1,
    });
    // Whichever comes first waits for an hour; the other is refused.
    let conflict = tokio::select! {
        answer = shop.capture(&id, "k") => answer,
        answer = shop.capture(&id, "k") => answer,
    };
    assert_eq!(conflict.status, 409);
    assert_eq!(conflict.error(), ("idempotency_error", "idempotency_key_in_use"));
    // Both are dropped now. The one that waited did not run, so its key comes free.
    eventually("the key is free", async || shop.capture(&id, "k").await.status == 200).await;
    assert_eq!(shop.sandbox.counts().captures, 1);
}

#[tokio::test]
async fn keys_are_forgotten_after_their_window() {
    let shop = Shop::with(Options { key_window: Duration::ZERO, ..Options::default() }).await;
    let id = shop.authorise("o1", "500").await;
    assert_eq!(shop.capture(&id, "k").await.status, 200);
    let late = shop.capture(&id, "k").await;
    assert!(!late.replayed());
    assert_eq!(late.error().1, "payment_intent_unexpected_state");
}

#[tokio::test]
async fn intents_are_found_by_order() {
    let shop = Shop::open().await;
    let id = shop.authorise("o1", "500").await;
    shop.authorise("o2", "600").await;
    shop.stripe("/v1/payment_intents", &authorisation("o1", "700"), "another").await;
    let search = async |query: &str, limit: &str| {
        let form = [("query", query), ("limit", limit)];
        shop.try_stripe(Method::GET, "/v1/payment_intents/search", &form, None).await.unwrap()
    };
    let found = search("metadata['order_id']:'o1'", "10").await;
    let amounts: Vec<_> = found.body["data"].as_array().unwrap().iter().map(|hit| &hit["amount"]).collect();
    assert_eq!(amounts, [700, 500], "newest first");
    assert_eq!(found.body["has_more"], false);

    shop.capture(&id, "c").await;
    let captured = search("metadata['order_id']:'o1' AND status:'succeeded'", "10").await;
    assert_eq!(captured.body["data"][0]["id"], *id);
    let first = search("metadata['order_id']:'o1'", "1").await;
    assert_eq!((first.body["has_more"].as_bool(), first.text("next_page")), (Some(true), "1"));
    assert_eq!(search("metadata['order_id']:'o3'", "10").await.body["data"], serde_json::json!([]));
    assert_eq!(search("nonsense", "10").await.status, 400);

    let list = shop.try_stripe(Method::GET, "/v1/payment_intents", &[("limit", "2")], None).await.unwrap();
    assert_eq!(list.body["data"].as_array().unwrap().len(), 2);
    assert_eq!(list.body["has_more"], true);
}

#[tokio::test]
async fn two_captures_of_one_order_are_reported() {
    let shop = Shop::open().await;
    for key in ["a", "b"] {
        let created = shop.stripe("/v1/payment_intents", &authorisation("o1", "500"), key).await;
        shop.capture(created.text("id"), &format!("capture {key}")).await;
    }
    let counts = shop.sandbox.counts();
    assert_eq!(counts.captures, 2);
    assert_eq!(counts.double_captures.len(), 1);
    assert_eq!((counts.double_captures[0].order.as_str(), counts.double_captures[0].captures), ("o1", 2));
}
