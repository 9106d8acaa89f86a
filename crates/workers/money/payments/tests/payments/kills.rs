//! A process that ends at a boundary while it moves money: the next one finishes its work, and no money moves twice.

use std::collections::BTreeMap;

use despatch_contracts::payment::PaymentCaptured;
use despatch_payments::stripe::{SecretKey, StripeConfig};
use despatch_testkit::{Child, eventually};
use futures_util::stream::{self, StreamExt as _};

use crate::change;
use crate::checkout::{self, Checkout, PRICE};
use crate::dashboard::changed;
use crate::partial::{part, reported};
use crate::refunds::{captured, refund};

/// The runtime's boundaries that money passes.
const BOUNDARIES: [&str; 7] = [
    "effects-ledger",
    "after-perform",
    "before-commit",
    "after-commit",
    "after-publish",
    "after-close",
    "before-ack",
];

/// Tests that run at the same time, each with a process of its own.
const AT_ONCE: usize = 4;

/// The variable with the address of the sandbox's Stripe.
const STRIPE_URL: &str = "DESPATCH_TEST_STRIPE";

/// Starts payments in a process that ends when it passes the boundary after so many times.
fn start(checkout: &Checkout, boundary: &str, after: u32) -> Child {
    let failpoints = format!("{boundary}={after}*off->return");
    Child::start("kills::run", &checkout.env, &failpoints, &[(STRIPE_URL, checkout.stripe_url())])
}

/// Runs the process. Useless when run by hand.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "run by other tests, as a process of its own"]
async fn run() {
    let Some(env) = Child::joined().await else { return };
    let _failpoints = fail::FailScenario::setup();
    let stripe = StripeConfig {
        base_url: std::env::var(STRIPE_URL).unwrap(),
        secret_key: SecretKey::from("sk_test_checkout".to_owned()),
        timeout_ms: 10_000,
        order_keys: BTreeMap::new(),
    };
    env.run(checkout::worker_of(&stripe)).await;
    Child::until_parent_ends().await;
}

/// Every boundary, and how often it is passed before the process ends.
fn deaths(passes: &[u32]) -> Vec<(&'static str, u32)> {
    BOUNDARIES.iter().flat_map(|boundary| passes.iter().map(|after| (*boundary, *after))).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn wherever_a_process_ends_the_payment_is_captured_once() {
    let run = async |(boundary, after): (&'static str, u32)| {
        let checkout = Checkout::idle().await;
        checkout.prepare().await;
        let order = checkout.order("o-1").await;
        checkout.accept(&order).await;
        checkout.reserve(&order).await;
        let mut victim = start(&checkout, boundary, after);
        eventually("it has ended, or all is done", async || {
            let is_done = checkout.env.count::<PaymentCaptured>("o-1").await > 0;
            (victim.has_ended() || is_done).then_some(())
        })
        .await;
        drop(victim);
        checkout.run().await;
        checkout.env.expect::<PaymentCaptured>("o-1").await;
        checkout.env.quiet().await;
        let counts = checkout.counts(&order);
        assert_eq!((counts.captures, counts.captured_minor), (1, PRICE), "{boundary} {after}");
        assert_eq!(checkout.env.count::<PaymentCaptured>("o-1").await, 1, "{boundary} {after}");
        assert!(checkout.env.messages("dead.>").await.is_empty(), "{boundary} {after}");
    };
    stream::iter(deaths(&[0])).for_each_concurrent(AT_ONCE, run).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn wherever_a_process_ends_each_refund_is_made_once() {
    let run = async |(boundary, after): (&'static str, u32)| {
        let checkout = Checkout::idle().await;
        let process = checkout.process().await;
        let order = captured(&checkout, "o-1").await;
        checkout.env.quiet().await;
        process.drain().await;
        // Two refunds, one that a person made, and the rest.
        checkout.refund_elsewhere(&order, 700).await;
        checkout.env.deliver(&part(&order, "r-1", 500)).await;
        checkout.env.deliver(&part(&order, "r-2", 500)).await;
        checkout.env.deliver(&changed(&order)).await;
        checkout.env.deliver(&refund(&order)).await;
        let mut victim = start(&checkout, boundary, after);
        let all = async || {
            let refunded = reported(&checkout, &order).await;
            (refunded.values().sum::<i64>() == PRICE).then_some(refunded)
        };
        eventually("it has ended, or all is done", async || {
            (victim.has_ended() || all().await.is_some()).then_some(())
        })
        .await;
        drop(victim);
        checkout.run().await;
        let refunded = eventually("all is refunded", all).await;
        checkout.env.quiet().await;
        // Events that are delivered again may change their order. A refund after the rest is refused.
        let counts = checkout.counts(&order);
        let made = usize::try_from(counts.refunds).unwrap();
        assert_eq!(
            (made, counts.refunded_minor),
            (refunded.len(), PRICE),
            "{boundary} {after}: {refunded:?}"
        );
        assert_eq!(reported(&checkout, &order).await, refunded, "{boundary} {after}");
        assert_eq!(checkout.payment(&order).await.unwrap().tenders[0].refunded_minor, PRICE);
        assert!(checkout.env.messages("dead.>").await.is_empty(), "{boundary} {after}");
    };
    stream::iter(deaths(&[0, 2])).for_each_concurrent(AT_ONCE, run).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn wherever_a_process_ends_a_changed_order_is_settled_once() {
    let run = async |(boundary, after): (&'static str, u32)| {
        let checkout = Checkout::idle().await;
        checkout.prepare().await;
        let order = checkout.order("o-1").await;
        // The order changes while its stock comes.
        checkout.reserve(&order).await;
        checkout.env.deliver(&change::changed(&change::less(&order, 3000), 5)).await;
        let mut victim = start(&checkout, boundary, after);
        let kept = async || {
            let tender = checkout.payment(&order).await?.tenders.pop()?;
            Some(tender.captured_minor - tender.refunded_minor)
        };
        eventually("it has ended, or all is done", async || {
            (victim.has_ended() || kept().await == Some(PRICE - 3000)).then_some(())
        })
        .await;
        drop(victim);
        checkout.run().await;
        checkout.env.expect::<PaymentCaptured>("o-1").await;
        checkout.env.deliver(&change::changed(&change::less(&order, 4000), 6)).await;
        eventually("it is settled", async || (kept().await == Some(PRICE - 4000)).then_some(())).await;
        checkout.env.quiet().await;
        let counts = checkout.counts(&order);
        assert_eq!(counts.captures, 1, "{boundary} {after}");
        assert_eq!(counts.captured_minor - counts.refunded_minor, PRICE - 4000, "{boundary} {after}");
        let back = reported(&checkout, &order).await;
        assert_eq!(back.values().sum::<i64>(), counts.refunded_minor, "{boundary} {after}: {back:?}");
        assert!(checkout.env.messages("dead.>").await.is_empty(), "{boundary} {after}");
    };
    stream::iter(deaths(&[0, 1])).for_each_concurrent(AT_ONCE, run).await;
}
