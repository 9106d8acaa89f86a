//! Faults over the wire: effects without an answer, and runs that repeat.

use std::collections::BTreeMap;

use despatch_sandbox::{Fault, Faults, Operation, Options, Rates, Target};
use reqwest::Method;

use crate::shop::{Shop, purchase};

fn target(shop: &Shop, operation: Operation, fault: Fault) {
    shop.sandbox.fault_next(Target { operation, order: "o1".into(), fault, times: 1 });
}

#[tokio::test]
async fn a_capture_takes_place_though_its_answer_is_withheld() {
    let shop = Shop::open().await;
    let id = shop.authorise("o1", "500").await;
    target(&shop, Operation::Capture, Fault::Timeout);
    let path = format!("/v1/payment_intents/{id}/capture");
    let lost = shop.try_stripe(Method::POST, &path, &[], Some("k")).await;
    assert!(lost.is_err(), "{lost:?}");
    assert_eq!(shop.sandbox.counts().captures, 1);
    let again = shop.capture(&id, "k").await;
    assert!(again.replayed());
    assert_eq!(again.text("status"), "succeeded");
    assert_eq!(shop.sandbox.counts().captured_minor, 500);
}

#[tokio::test]
async fn a_label_is_bought_though_its_answer_is_withheld() {
    let shop = Shop::open().await;
    let rate = shop.rate("o1/1").await;
    target(&shop, Operation::Label, Fault::Timeout);
    let lost = shop.try_shippo(Method::POST, "/transactions", Some(&purchase(&rate, "o1/1"))).await;
    assert!(lost.is_err(), "{lost:?}");
    assert_eq!(shop.sandbox.counts().labels, 1);
    let found = shop.shippo_get(&format!("/transactions/?rate={rate}")).await;
    assert_eq!(found.body["results"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_withheld_answer_ends_only_its_own_connection() {
    let shop = Shop::open().await;
    let id = shop.authorise("o1", "500").await;
    target(&shop, Operation::FindPayment, Fault::Timeout);
    let path = format!("/v1/payment_intents/{id}");
    let (lost, other) = tokio::join!(
        shop.try_stripe(Method::GET, &path, &[], None),
        shop.try_stripe(Method::GET, "/v1/payment_intents", &[], None),
    );
    assert!(lost.is_err());
    assert_eq!(other.unwrap().status, 200);
}

#[tokio::test]
async fn before_the_effect_nothing_has_happened() {
    let shop = Shop::open().await;
    let id = shop.authorise("o1", "500").await;
    let rate = shop.rate("o1/1").await;
    for (fault, status) in [(Fault::RateLimited, 429), (Fault::ServerError, 500)] {
        target(&shop, Operation::Capture, fault);
        assert_eq!(shop.capture(&id, &format!("{fault:?}")).await.status, status);
        target(&shop, Operation::Label, fault);
        assert_eq!(shop.shippo("/transactions", &purchase(&rate, "o1/1")).await.status, status);
        target(&shop, Operation::FindLabel, fault);
        assert_eq!(shop.shippo_get(&format!("/transactions/?rate={rate}")).await.status, status);
        target(&shop, Operation::FindPayment, fault);
        let search = [("query", "metadata['order_id']:'o1'")];
        let found = shop.try_stripe(Method::GET, "/v1/payment_intents/search", &search, None).await.unwrap();
        assert_eq!(found.status, status);
    }
    target(&shop, Operation::Label, Fault::Decline);
    let refused = shop.shippo("/transactions", &purchase(&rate, "o1/1")).await;
    assert_eq!((refused.status, refused.text("status")), (201, "ERROR"));
    let counts = shop.sandbox.counts();
    assert_eq!((counts.captures, counts.labels), (0, 0));
}

/// Returns the outcomes of the captures of forty orders, sent in an order of the caller's choice.
async fn outcomes(seed: u64, reversed: bool) -> BTreeMap<String, u16> {
    let rates = Rates { decline: 0.3, server_error: 0.3, rate_limited: 0.2, ..Rates::default() };
    let faults = Faults { seed, rates: BTreeMap::from([(Operation::Capture, rates)]), ..Faults::none() };
    let shop = Shop::with(Options { faults, ..Options::default() }).await;
    let mut orders: Vec<String> = (0..40).map(|n| format!("o{n}")).collect();
    if reversed {
        orders.reverse();
    }
    let mut outcomes = BTreeMap::new();
    for order in orders {
        let id = shop.authorise(&order, "500").await;
        let status = shop.capture(&id, &format!("capture {order}")).await.status;
        outcomes.insert(order, status);
    }
    outcomes
}

#[tokio::test]
async fn a_run_repeats_by_its_seed() {
    let first = outcomes(7, false).await;
    assert_eq!(first, outcomes(7, true).await);
    assert_ne!(first, outcomes(8, false).await);
    for status in [200, 402, 429, 500] {
        assert!(first.values().any(|found| *found == status), "no {status} in {first:?}");
    }
}

#[tokio::test]
async fn everything_is_done_once_under_faults_if_clients_keep_to_the_rules() {
    let shop = Shop::with(Options { faults: heavy(), ..Options::default() }).await;
    let orders: Vec<String> = (0..25).map(|n| format!("o{n}")).collect();
    for order in &orders {
        let id = shop.authorise(order, "500").await;
        capture_for_sure(&shop, order, &id).await;
        label_for_sure(&shop, &format!("{order}/1")).await;
    }
    let counts = shop.sandbox.counts();
    assert_eq!((counts.captures, counts.captured_minor), (25, 25 * 500));
    assert_eq!(counts.labels, 25);
    assert_eq!((counts.double_captures.len(), counts.double_labels.len()), (0, 0));
}

/// Returns every fault except the final ones, for half of all requests.
fn heavy() -> Faults {
    let rates = Rates { rate_limited: 0.15, server_error: 0.15, timeout: 0.2, ..Rates::default() };
    let hit = [
        Operation::Capture,
        Operation::FindPayment,
        Operation::Shipment,
        Operation::Label,
        Operation::FindLabel,
    ];
    Faults { seed: 1, rates: hit.into_iter().map(|operation| (operation, rates)).collect(), ..Faults::none() }
}

/// Captures under the same key until a definite answer. After a replayed 500 it looks at the intent and then uses
/// another key.
async fn capture_for_sure(shop: &Shop, order: &str, id: &str) {
    let path = format!("/v1/payment_intents/{id}");
    for attempt in 0..40 {
        let key = format!("{order}/capture/{attempt}");
        let status = loop {
            match shop.try_stripe(Method::POST, &format!("{path}/capture"), &[], Some(&key)).await {
                Ok(answer) if answer.status == 429 => {}
                Ok(answer) => break answer.status,
                Err(_) => {}
            }
        };
        if status == 200 {
            return;
        }
        loop {
            match shop.try_stripe(Method::GET, &path, &[], None).await {
                Ok(answer) if answer.status == 200 => {
                    assert_eq!(answer.text("status"), "requires_capture", "a 500 comes before the effect");
                    break;
                }
                Ok(_) | Err(_) => {}
            }
        }
    }
    panic!("{order} was not captured");
}

/// Takes one rate and looks for its label before each purchase.
async fn label_for_sure(shop: &Shop, metadata: &str) {
    let shipment = crate::shop::shipment(metadata);
    let mut rate = None;
    for _ in 0..80 {
        let Some(rate) = &rate else {
            if let Ok(shipped) = shop.try_shippo(Method::POST, "/shipments", Some(&shipment)).await {
                rate = shipped.body["rates"][0]["object_id"].as_str().map(str::to_owned);
            }
            continue;
        };
        let list = format!("/transactions/?rate={rate}");
        let found = match shop.try_shippo(Method::GET, &list, None).await {
            Ok(answer) if answer.status == 200 => answer.body["results"].as_array().unwrap().len(),
            Ok(_) | Err(_) => continue,
        };
        if found > 0 {
            return;
        }
        // The next look shows the result.
        drop(shop.try_shippo(Method::POST, "/transactions", Some(&purchase(rate, metadata))).await);
    }
    panic!("{metadata} got no label");
}
