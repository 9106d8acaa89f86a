//! The worker against a Stripe that others wrote: localstripe, from PyPI. `cargo xtask prove localstripe` starts it.

use std::collections::BTreeMap;

use despatch_contracts::order::Order;
use despatch_contracts::payment::{PaymentAuthorised, PaymentCaptured, PaymentRefunded, PaymentVoided};
use despatch_contracts::stock::StockReserved;
use despatch_payments::provider::{AuthorisationStatus, Provider as _};
use despatch_payments::stripe::{SecretKey, Stripe, StripeConfig};
use despatch_payments::{Config, ProviderName, worker};
use despatch_testkit::{TestEnv, eventually, order};
use serde_json::Value;

use crate::checkout::PRICE;
use crate::partial::part;
use crate::refunds::{refund, void};

/// The variable with localstripe's address.
const URL: &str = "LOCALSTRIPE_URL";

/// An order whose payment is authorised at localstripe.
async fn authorised(url: &str, order_id: &str) -> Order {
    let post = async |path: &str, form: &[(&str, &str)]| -> Value {
        let request = reqwest::Client::new().post(format!("{url}/v1/{path}"));
        let sent = request.bearer_auth("sk_test_12345").form(form).send().await.unwrap();
        sent.error_for_status().unwrap().json().await.unwrap()
    };
    let card = [
        ("type", "card"),
        ("card[number]", "4242424242424242"),
        ("card[exp_month]", "12"),
        ("card[exp_year]", "2040"),
        ("card[cvc]", "123"),
    ];
    let method = post("payment_methods", &card).await;
    let amount = PRICE.to_string();
    let intent = [
        ("amount", amount.as_str()),
        ("currency", "usd"),
        ("capture_method", "manual"),
        ("confirm", "true"),
        ("payment_method", method["id"].as_str().unwrap()),
        ("metadata[order_id]", order_id),
    ];
    let intent = post("payment_intents", &intent).await;
    let mut order = order(order_id);
    order.tenders[0].provider = "stripe".into();
    order.tenders[0].reference = intent["id"].as_str().unwrap().into();
    order
}

#[tokio::test]
#[ignore = "needs localstripe: cargo xtask prove localstripe"]
async fn localstripe_carries_capture_void_and_two_equal_refunds() {
    let url = std::env::var(URL).unwrap();
    let secret_key = SecretKey::from("sk_test_12345".to_owned());
    let stripe =
        StripeConfig { base_url: url.clone(), secret_key, timeout_ms: 10_000, order_keys: BTreeMap::new() };
    let records = Stripe::new(&stripe).unwrap();
    let env = TestEnv::new().await;
    env.run(worker(&Config { provider: ProviderName::Stripe, stripe }).unwrap()).await;

    let order = authorised(&url, "captured").await;
    let event = despatch_contracts::order::OrderAccepted { order: Some(order.clone()) };
    env.deliver(&event).await;
    env.expect::<PaymentAuthorised>("captured").await;
    env.deliver(&StockReserved { order: Some(order.clone()), ..StockReserved::default() }).await;
    let captured: PaymentCaptured = env.expect("captured").await;
    assert_eq!(captured.amount_minor, PRICE);
    for request in [part(&order, "r-1", 500), part(&order, "r-2", 500), refund(&order)] {
        env.deliver(&request).await;
    }
    eventually("everything is refunded", async || {
        (env.count::<PaymentRefunded>("captured").await == 3).then_some(())
    })
    .await;
    let made = records.refunds(&order.tenders[0].reference).await.unwrap();
    let mut made: Vec<_> = made.made.into_iter().map(|it| (it.refund_id.unwrap(), it.amount.minor)).collect();
    made.sort();
    assert_eq!(made, [("cancellation".into(), PRICE - 1000), ("r-1".into(), 500), ("r-2".into(), 500)]);

    let order = authorised(&url, "voided").await;
    env.deliver(&void(&order)).await;
    env.expect::<PaymentVoided>("voided").await;
    let payment = records.look_up(&order.tenders[0].reference).await.unwrap();
    assert_eq!(payment.status, AuthorisationStatus::Cancelled);
    env.quiet().await;
    assert!(env.messages("dead.>").await.is_empty());
}
