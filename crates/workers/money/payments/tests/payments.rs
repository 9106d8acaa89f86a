//! Payments through the runtime, against real servers and the sandbox's Stripe. Every event is delivered twice.

#![allow(clippy::unwrap_used, reason = "what does not unwrap is what the test is there to find")]

#[path = "payments/change.rs"]
mod change;
#[path = "payments/checkout.rs"]
mod checkout;
#[path = "payments/dashboard.rs"]
mod dashboard;
#[path = "payments/foreign.rs"]
mod foreign;
#[path = "payments/given_back.rs"]
mod given_back;
#[path = "payments/histories.rs"]
mod histories;
#[path = "payments/kills.rs"]
mod kills;
#[path = "payments/owners.rs"]
mod owners;
#[path = "payments/partial.rs"]
mod partial;
#[path = "payments/refunds.rs"]
mod refunds;
#[path = "payments/tenders.rs"]
mod tenders;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use despatch_contracts::payment::PaymentCaptured;
use despatch_contracts::stock::StockReserved;
use despatch_domain::{Currency, Money};
use despatch_payments::provider::{
    AuthorisationStatus, Captured, Dispute, Payment, Provider, ProviderError, Refunded, Refunds,
};
use despatch_payments::stripe::{SecretKey, StripeConfig};
use despatch_payments::{Config, ProviderName, worker, worker_with};
use despatch_sandbox::{Fault, Operation};
use despatch_testkit::{TestEnv, eventually};

use checkout::{Checkout, PRICE};

#[tokio::test]
async fn a_reserved_order_is_captured_once() {
    let checkout = Checkout::open().await;
    let order = checkout.order("o-1").await;
    checkout.reserve(&order).await;
    let captured: PaymentCaptured = checkout.env.expect("o-1").await;
    assert_eq!((captured.amount_minor, captured.currency.as_str()), (PRICE, "USD"));
    assert!(captured.reference.starts_with("ch_"), "{}", captured.reference);
    assert_eq!(captured.order.as_ref(), Some(&order));
    // The same order once more, under another event id.
    checkout.reserve(&order).await;
    checkout.env.quiet().await;
    assert_eq!(checkout.env.count::<PaymentCaptured>("o-1").await, 1);
    let counts = checkout.counts(&order);
    assert_eq!((counts.captures, counts.captured_minor), (1, PRICE));
    let payment = checkout.payment(&order).await.unwrap();
    let [tender] = payment.tenders.as_slice() else { panic!("{payment:?}") };
    assert_eq!((&tender.capture, tender.captured_minor), (&captured.reference, PRICE));
    let totals = "select count(*), sum(captured_minor)::int8 from payments.tender";
    let totals = checkout.db.query_one(totals, &[]).await.unwrap();
    assert_eq!((totals.get::<_, i64>(0), totals.get::<_, i64>(1)), (1, PRICE));
}

#[tokio::test]
async fn a_decline_is_a_case_and_its_replay_asks_under_a_new_key() {
    let checkout = Checkout::open().await;
    let order = checkout.order("o-1").await;
    checkout.fault(Operation::Capture, &order, Fault::Decline, 1);
    checkout.reserve(&order).await;
    let dead = checkout.env.expect_dead("o-1").await;
    assert_eq!((dead.handler.as_str(), dead.reason.as_str()), ("payments.capture", "card-declined"));
    assert_eq!(checkout.payment(&order).await, None);
    let replay = dead.event.unwrap().replay("payments.capture", dead.generation + 1);
    checkout.env.publish(&replay).await;
    checkout.env.expect::<PaymentCaptured>("o-1").await;
    assert_eq!((checkout.counts(&order).captures, checkout.keys(&order, "capture").await), (1, 2));
}

#[tokio::test]
async fn an_answer_that_was_lost_is_looked_up() {
    let checkout = Checkout::open().await;
    let order = checkout.order("o-1").await;
    checkout.fault(Operation::Capture, &order, Fault::Timeout, 1);
    checkout.fault(Operation::FindPayment, &order, Fault::ServerError, 1);
    checkout.reserve(&order).await;
    let captured: PaymentCaptured = checkout.env.expect("o-1").await;
    checkout.env.quiet().await;
    assert_eq!(captured.amount_minor, PRICE);
    assert_eq!((checkout.counts(&order).captures, checkout.keys(&order, "capture").await), (1, 1));
}

#[tokio::test]
async fn a_failure_that_stripe_would_repeat_is_left_behind_with_its_key() {
    let checkout = Checkout::open().await;
    let order = checkout.order("o-1").await;
    checkout.fault(Operation::Capture, &order, Fault::ServerError, 1);
    checkout.reserve(&order).await;
    checkout.env.expect::<PaymentCaptured>("o-1").await;
    checkout.env.quiet().await;
    assert_eq!((checkout.counts(&order).captures, checkout.keys(&order, "capture").await), (1, 2));
}

/// A provider that captures and reports a failure.
#[derive(Clone, Default)]
struct Muddled {
    captures: Arc<AtomicU32>,
}

impl Provider for Muddled {
    const NAME: &'static str = "fake";
    const KEYS_KEPT: Duration = Duration::MAX;

    async fn capture(&self, _: &str, _: Money, _: &str) -> Result<Captured, ProviderError> {
        self.captures.fetch_add(1, Ordering::SeqCst);
        Err(ProviderError::Failed { message: "it broke".into() })
    }

    async fn refund(&self, _: &str, _: Money, _: &str, _: &str) -> Result<Refunded, ProviderError> {
        Err(ProviderError::InProgress)
    }

    async fn void(&self, _: &str, _: &str) -> Result<(), ProviderError> {
        Err(ProviderError::InProgress)
    }

    async fn look_up(&self, _: &str) -> Result<Payment, ProviderError> {
        let amount = Money::new(PRICE, Currency::USD);
        let status = match self.captures.load(Ordering::SeqCst) {
            0 => AuthorisationStatus::Authorised,
            n => AuthorisationStatus::Captured(Captured { reference: format!("capture {n}"), amount }),
        };
        Ok(Payment { status, amount: Some(amount), metadata: Vec::new(), is_under_review: false })
    }

    async fn refunds(&self, _: &str) -> Result<Refunds, ProviderError> {
        Ok(Refunds::default())
    }

    async fn dispute(&self, _: &str) -> Result<Dispute, ProviderError> {
        Err(ProviderError::InProgress)
    }
}

#[tokio::test]
async fn a_failure_after_the_effect_is_not_asked_again() {
    let env = TestEnv::new().await;
    let provider = Muddled::default();
    env.run(worker_with(provider.clone())).await;
    let order = despatch_testkit::order("o-1");
    env.deliver(&StockReserved { order: Some(order), ..StockReserved::default() }).await;
    let captured: PaymentCaptured = env.expect("o-1").await;
    env.quiet().await;
    assert_eq!(captured.reference, "capture 1");
    assert_eq!(provider.captures.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_key_that_stripe_may_have_forgotten_is_rotated_after_a_look() {
    let checkout = Checkout::open().await;
    let order = checkout.order("o-1").await;
    // Busy again and again: nothing happens, and the key stays the same.
    checkout.fault(Operation::Capture, &order, Fault::RateLimited, 2);
    checkout.reserve(&order).await;
    eventually("the first try is over", async || {
        let waiting = "SELECT 1 FROM payments.journal WHERE state = 'waiting'";
        checkout.db.query_opt(waiting, &[]).await.unwrap()
    })
    .await;
    let age =
        "UPDATE payments.effect SET begun_at = despatch_now() - interval '25 h' WHERE operation = 'capture'";
    assert_eq!(checkout.db.execute(age, &[]).await.unwrap(), 1);
    checkout.env.expect::<PaymentCaptured>("o-1").await;
    checkout.env.quiet().await;
    assert_eq!((checkout.counts(&order).captures, checkout.keys(&order, "capture").await), (1, 2));
}

#[tokio::test]
async fn what_was_captured_by_hand_is_taken_as_captured() {
    let checkout = Checkout::open().await;
    let order = checkout.order("o-1").await;
    checkout.capture_elsewhere(&order).await.unwrap();
    checkout.reserve(&order).await;
    let captured: PaymentCaptured = checkout.env.expect("o-1").await;
    assert_eq!((captured.amount_minor, checkout.counts(&order).captures), (PRICE, 1));
}

#[tokio::test]
async fn an_authorisation_that_ended_by_itself_is_a_case() {
    let checkout = Checkout::open().await;
    let order = checkout.order("o-1").await;
    checkout.void_elsewhere(&order).await.unwrap();
    checkout.reserve(&order).await;
    assert_eq!(checkout.env.expect_dead("o-1").await.reason, "authorisation-expired");
}

#[tokio::test]
async fn only_what_the_order_costs_is_captured() {
    let checkout = Checkout::open().await;
    let mut dearer = checkout.order("dearer").await;
    dearer.total_minor += 1;
    let less = checkout.order_of("less", PRICE - 1, "usd").await;
    let euros = checkout.order_of("euros", PRICE, "eur").await;
    let mut nothing = checkout.order("nothing").await;
    nothing.tenders.clear();
    let mut elsewhere = checkout.order("elsewhere").await;
    elsewhere.tenders[0].provider = "fake".into();
    let mut made_up = checkout.order("made-up").await;
    made_up.tenders[0].reference = "pi_made_up".into();
    let mut crafted = checkout.order("crafted").await;
    crafted.tenders[0].reference = "../refunds".into();
    let mut currency = checkout.order("currency").await;
    currency.currency = "XXX".into();
    // Of yen there are as many as of cents: looked at before anything is captured.
    let yen = checkout.order_of("yen", PRICE, "jpy").await;
    let cases = [
        (&euros, "amount-mismatch"),
        (&yen, "amount-mismatch"),
        (&dearer, "amount-mismatch"),
        (&less, "amount-mismatch"),
        (&nothing, "authorisation-missing"),
        (&elsewhere, "payment-rejected"),
        (&made_up, "payment-rejected"),
        (&crafted, "payment-rejected"),
        (&currency, "currency-unknown"),
    ];
    for (order, _) in &cases {
        checkout.reserve(order).await;
    }
    for (order, reason) in &cases {
        assert_eq!(checkout.env.expect_dead(&order.order_id).await.reason, *reason, "{}", order.order_id);
        assert_eq!(checkout.counts(order).captures, 0, "{}", order.order_id);
    }
    let error = &checkout.env.expect_dead("euros").await.failures[0].error;
    assert!(error.contains("130.00 EUR was authorised for an order of 130.00 USD"), "{error}");
}

#[tokio::test]
async fn an_order_that_costs_nothing_needs_no_provider() {
    let checkout = Checkout::open().await;
    let mut order = checkout.order("o-1").await;
    order.total_minor = 0;
    order.tenders.clear();
    checkout.reserve(&order).await;
    let captured: PaymentCaptured = checkout.env.expect("o-1").await;
    assert_eq!((captured.amount_minor, captured.currency.as_str()), (0, "USD"));
    checkout.env.quiet().await;
    assert_eq!(checkout.counts(&order).captures, 0);
    assert_eq!(checkout.keys(&order, "capture").await, 0);
}

#[tokio::test]
async fn the_fake_provider_takes_everything_at_once() {
    let env = TestEnv::new().await;
    let stripe = StripeConfig {
        base_url: "https://stripe.invalid".into(),
        secret_key: SecretKey::from("sk_test_none".to_owned()),
        timeout_ms: 1,
        order_keys: BTreeMap::new(),
    };
    env.run(worker(&Config { provider: ProviderName::Fake, stripe }).unwrap()).await;
    let order = despatch_testkit::order("o-1");
    env.deliver(&StockReserved { order: Some(order), ..StockReserved::default() }).await;
    let captured: PaymentCaptured = env.expect("o-1").await;
    assert_eq!((captured.amount_minor, captured.reference.as_str()), (PRICE, "capture-auth-o-1"));
    env.quiet().await;
    assert_eq!(env.count::<PaymentCaptured>("o-1").await, 1);
}
