//! A process that ends at a boundary while it moves money: the next one finishes its work, and no money moves twice.

use std::collections::BTreeMap;
use std::io::Read;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use despatch_contracts::payment::PaymentCaptured;
use despatch_payments::stripe::{SecretKey, StripeConfig};
use despatch_runtime::Settings;
use despatch_testkit::{TestEnv, eventually};
use futures_util::stream::{self, StreamExt as _};

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

const CHILD: &str = "DESPATCH_TEST_CHILD";

/// Payments in a process of its own; it ends with this value.
struct Victim(Child);

impl Victim {
    /// Starts a process that ends when it passes the boundary after so many times.
    fn start(checkout: &Checkout, boundary: &str, after: u32) -> Self {
        let Settings { nats_url, database_url, namespace, .. } = checkout.env.settings();
        let place = [nats_url, database_url, namespace, checkout.stripe_url()].map(String::as_str).join("\n");
        let child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "kills::run", "--ignored", "--nocapture"])
            .env(CHILD, place)
            .env("FAILPOINTS", format!("{boundary}={after}*off->return"))
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        Victim(child.unwrap())
    }

    fn has_ended(&mut self) -> bool {
        self.0.try_wait().unwrap().is_some()
    }
}

impl Drop for Victim {
    fn drop(&mut self) {
        // It may have ended already, and then there is nothing to do.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Runs the process. Useless when run by hand.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "run by other tests, as a process of its own"]
async fn run() {
    let Ok(place) = std::env::var(CHILD) else { return };
    let [nats_url, database_url, namespace, base_url] = place.lines().collect::<Vec<_>>()[..] else {
        panic!("{place}")
    };
    let _failpoints = fail::FailScenario::setup();
    let mut settings = Settings::new(nats_url, database_url);
    namespace.clone_into(&mut settings.namespace);
    settings.ack_wait = Duration::from_secs(3);
    settings.sweep_after = Duration::from_secs(2);
    settings.clock_tick = Duration::from_millis(25);
    settings.connections = 4;
    let env = TestEnv::join(settings).await;
    let secret_key = SecretKey::from("sk_test_checkout".to_owned());
    let stripe = StripeConfig {
        base_url: base_url.to_owned(),
        secret_key,
        timeout_ms: 10_000,
        order_keys: BTreeMap::new(),
    };
    env.run(checkout::worker_of(&stripe)).await;
    // Ends with the test that started it, even if that is killed.
    let parent = tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new()));
    parent.await.unwrap().unwrap();
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
        let mut victim = Victim::start(&checkout, boundary, after);
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
        let mut victim = Victim::start(&checkout, boundary, after);
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
