//! Stripe's events, from the sandbox that signs and posts them to what payments makes of them.

use std::process::Stdio;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use despatch_contracts::payment::PaymentRefunded;
use despatch_testkit::{TestEnv, order_json};
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, json};
use sha2::Sha256;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

use crate::fixture::{Request, STRIPE_SECRET, TestGateway, place};
use crate::money::Shop;

/// Places an order of 19.00 USD that is paid with one of Stripe's test cards, and captures it. Returns its id and the
/// PaymentIntent's.
async fn paid_with(shop: &Shop, card: &str) -> (String, String) {
    let intent = shop.authorise_with(card, "1001", (1900, "usd")).await;
    let mut order = order_json("api-shop", "1001");
    order["authorisation"] = json!({ "provider": "stripe", "reference": intent, "amount": "19.00" });
    let placed = shop.gateway.send(place(&order)).await;
    assert_eq!(placed.status, 201, "{placed:?}");
    let order_id = placed.order_id();
    assert_eq!(shop.captured(&order_id).await.0, 1900);
    (order_id, intent)
}

#[tokio::test]
async fn a_refund_in_the_dashboard_reaches_the_records_by_stripe_s_event() {
    let shop = Shop::open().await;
    shop.sandbox.set_event_target(&shop.gateway.url(), STRIPE_SECRET).unwrap();
    let (order_id, intent) = paid_with(&shop, "pm_card_visa").await;
    let form = [("payment_intent", intent), ("amount", "700".to_owned())];
    let refund = shop.in_dashboard("refunds", &form).await;
    let refunded: PaymentRefunded = shop.env.expect(&order_id).await;
    assert_eq!((refunded.amount_minor, refunded.reference.as_str()), (700, refund["id"].as_str().unwrap()));
    shop.env.quiet().await;
    // `refund.created` and `charge.refunded` say the same.
    assert_eq!(shop.env.count::<PaymentRefunded>(&order_id).await, 1);
    assert!(shop.env.messages("dead.>").await.is_empty());
}

#[tokio::test]
async fn a_dispute_becomes_a_case_by_stripe_s_event() {
    let shop = Shop::open().await;
    shop.sandbox.set_event_target(&shop.gateway.url(), STRIPE_SECRET).unwrap();
    let (order_id, _) = paid_with(&shop, "pm_card_createDispute").await;
    let case = shop.env.expect_dead(&order_id).await;
    assert_eq!(case.reason, "payment-disputed", "{case:?}");
    assert!(case.failures[0].error.contains("(fraudulent)"), "{case:?}");
}

/// Stripe's event, signed at `at`.
fn event(body: &Value, secret: &str, at: SystemTime) -> Request {
    let body = body.to_string();
    let at = at.duration_since(UNIX_EPOCH).unwrap().as_secs();
    let key = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    let signed = key.chain_update(format!("{at}.{body}")).finalize().into_bytes();
    let hex = signed.iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"));
    Request::new("POST", "/webhooks/stripe").with("stripe-signature", format!("t={at},v1={hex}")).body(body)
}

#[tokio::test]
async fn only_fresh_events_with_a_signature_are_taken() {
    let env = TestEnv::new().await;
    let gateway =
        TestGateway::open(&env, vec![despatch_payments::worker_with(despatch_payments::fake::Fake)]).await;
    let refunded =
        json!({ "type": "charge.refunded", "data": { "object": { "payment_intent": "pi_unknown" } } });
    let now = SystemTime::now();
    let old = now - Duration::from_secs(400);
    let cases = [
        (event(&refunded, STRIPE_SECRET, now), 200),
        (event(&json!({ "type": "customer.created", "data": { "object": {} } }), STRIPE_SECRET, now), 200),
        (event(&refunded, "whsec_other", now), 401),
        (event(&refunded, STRIPE_SECRET, old), 401),
        (event(&refunded, STRIPE_SECRET, now).without("stripe-signature"), 401),
        (event(&refunded, STRIPE_SECRET, now).body("{}"), 401),
        (event(&json!({ "data": {} }), STRIPE_SECRET, now), 400),
    ];
    for (request, status) in cases {
        let answer = gateway.send(request.clone()).await;
        assert_eq!(answer.status, status, "{:?} {answer:?}", request.body);
    }
    // No order has that payment.
    assert_eq!(env.messages("evt.payment.changed").await.len(), 0);
}

/// Stripe's own library, from PyPI, as a process.
struct Library {
    child: Child,
    input: ChildStdin,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Library {
    fn start(gateway: &str) -> Self {
        let packages =
            std::env::var("STRIPE_LIBRARY").expect("STRIPE_LIBRARY: the directory of PyPI's stripe");
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/gateway/stripe_library.py");
        let mut child = Command::new("python3")
            .args([script, gateway, STRIPE_SECRET])
            .env("PYTHONPATH", packages)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Library { input: child.stdin.take().unwrap(), child, lines }
    }

    async fn line(&mut self) -> String {
        let line = tokio::time::timeout(Duration::from_secs(60), self.lines.next_line()).await;
        line.expect("it answers").unwrap().expect("a line")
    }
}

/// `cargo xtask prove stripe-events` runs it.
#[tokio::test]
#[ignore = "needs stripe from PyPI in STRIPE_LIBRARY"]
async fn stripe_s_own_library_takes_the_sandbox_s_events_and_signs_for_the_gateway() {
    let shop = Shop::open().await;
    let mut library = Library::start(&shop.gateway.url());
    let port = library.line().await;
    shop.sandbox.set_event_target(&format!("http://127.0.0.1:{port}"), STRIPE_SECRET).unwrap();

    let (order_id, intent) = paid_with(&shop, "pm_card_createDispute").await;
    assert!(library.line().await.starts_with("charge.dispute.created Dispute du_"));
    let form = [("payment_intent", intent.clone()), ("amount", "700".to_owned())];
    shop.in_dashboard("refunds", &form).await;
    assert!(library.line().await.starts_with("refund.created Refund re_"));
    assert!(library.line().await.starts_with("charge.refunded Charge ch_"));
    shop.authorise_with("pm_card_riskLevelElevated", "1002", (1900, "usd")).await;
    assert!(library.line().await.starts_with("review.opened Review prv_"));
    let other = shop.authorise_with("pm_card_visa", "1003", (1900, "usd")).await;
    shop.in_dashboard(&format!("payment_intents/{other}/cancel"), &[]).await;
    assert!(library.line().await.starts_with("payment_intent.canceled PaymentIntent pi_"));

    library.input.write_all(format!("post {intent}\n").as_bytes()).await.unwrap();
    assert_eq!(library.line().await, "answered 200");
    let changed: PaymentRefunded = shop.env.expect(&order_id).await;
    assert_eq!(changed.amount_minor, 700);
    library.child.kill().await.unwrap();
}
