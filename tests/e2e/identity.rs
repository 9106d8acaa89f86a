//! A shop that customers could see is nobody's but its own: `run` refuses the demo's.

use std::process::Command;

use despatch_sandbox::Sandbox;

use crate::child::{Despatch, despatch};
use crate::until::until;

/// Processes that customers see something of, over servers that are away.
fn run() -> Command {
    let mut command = despatch(["run", "gateway", "labels", "notifications", "reviews"]);
    command.envs([
        ("DESPATCH_NATS_URL", "nats://127.0.0.1:1"),
        ("DESPATCH_DATABASE_URL", "postgres://despatch@127.0.0.1:1/despatch"),
        ("DESPATCH_HEALTH_LISTEN", ""),
        ("DESPATCH_GATEWAY_LISTEN", "127.0.0.1:0"),
        ("DESPATCH_GATEWAY_API_KEYS", "the shop's key"),
        ("DESPATCH_LINKS_SECRET", "the secret of the links, at least 32 bytes"),
        ("DESPATCH_SHOP_PUBLIC_URL", "https://orders.north.example"),
        ("DESPATCH_STRIPE_BASE_URL", "https://api.stripe.com"),
        ("DESPATCH_STRIPE_SECRET_KEY", "sk_test_1"),
        ("DESPATCH_SHIPPO_BASE_URL", "https://api.goshippo.com"),
        ("DESPATCH_SHIPPO_TOKEN", "shippo_test_1"),
        ("DESPATCH_SMTP_URL", "smtps://mail.north.example"),
    ]);
    command
}

/// A shop of its own.
const NORTH: [(&str, &str); 7] = [
    ("DESPATCH_SHOP_NAME", "North"),
    ("DESPATCH_SHOP_FROM", "North <orders@north.example>"),
    ("DESPATCH_SHOP_MESSAGE_ID_DOMAIN", "north.example"),
    ("DESPATCH_LABELS_SENDER_NAME", "North"),
    ("DESPATCH_LABELS_SENDER_STREET1", "4 Harbour Road"),
    ("DESPATCH_LABELS_SENDER_CITY", "Louisville"),
    ("DESPATCH_LABELS_SENDER_COUNTRY", "US"),
];

async fn is_refused(command: &mut Command) -> String {
    let ended = Despatch::run(command).await;
    assert_eq!(ended.status.code(), Some(1), "{ended:?}");
    ended.stderr
}

async fn is_accepted(command: &mut Command) {
    let process = Despatch::start(command);
    until("it runs", async || process.stderr().contains("running").then_some(())).await;
    process.terminate();
    assert!(process.ended().await.status.success());
}

/// Asserts that one line names the key, or its variable, and says the problem.
fn assert_said(said: &str, key: &str, problem: &str) {
    let about = said.lines().filter(|line| line.contains(key) && line.contains(problem));
    assert_eq!(about.count(), 1, "{key} {problem} in\n{said}");
}

#[tokio::test]
async fn a_shop_without_a_name_is_refused_and_every_key_is_named() {
    let said = is_refused(&mut run()).await;
    for (key, problem) in [
        ("shop.name", "expected the shop's name as its customers know it, found nothing"),
        ("shop.from", "expected a mailbox such as North <orders@north.example>, found \"\""),
        ("shop.message_id_domain", "expected a domain such as north.example, found \"\""),
        ("labels.sender.name", "expected the name, found nothing"),
        ("labels.sender.street1", "expected the street and number, found nothing"),
        ("labels.sender.city", "expected the city, found nothing"),
        ("labels.sender.country", "expected the country, found nothing"),
    ] {
        assert_said(&said, key, problem);
    }
}

#[tokio::test]
async fn the_demo_s_shop_is_refused_where_customers_could_see_it() {
    let demo = [
        ("DESPATCH_SHOP_NAME", "despatch demo shop"),
        ("DESPATCH_SHOP_FROM", "despatch demo shop <orders@example.com>"),
        ("DESPATCH_SHOP_MESSAGE_ID_DOMAIN", "orders.example.com"),
        ("DESPATCH_LABELS_SENDER_NAME", "despatch demo shop"),
        ("DESPATCH_LABELS_SENDER_STREET1", "1 Quay Street"),
        ("DESPATCH_LABELS_SENDER_PHONE", "555-0100"),
    ];
    let said = is_refused(run().envs(NORTH).envs(demo)).await;
    for (variable, value) in demo {
        assert_said(&said, variable, &format!("expected the shop's own, found the demo's {value:?}"));
    }
}

#[tokio::test]
async fn a_shop_of_its_own_is_accepted() {
    is_accepted(run().envs(NORTH)).await;
}

#[tokio::test]
async fn over_stand_ins_alone_the_shop_is_the_demo_s() {
    let sandbox = Sandbox::start(despatch_sandbox::Options::default()).await.unwrap();
    is_accepted(run().envs(sandbox.environment())).await;
    let said = is_refused(run().envs(sandbox.environment()).env("DESPATCH_SMTP_URL", "smtp://mail:25")).await;
    assert_said(&said, "shop.name", "expected the shop's name");
}

#[tokio::test]
async fn a_secret_that_can_be_guessed_is_refused() {
    let mut command = run();
    command.envs(NORTH).env("DESPATCH_LINKS_SECRET", "guess").env("DESPATCH_LINKS_FORMER_SECRETS", "before");
    let said = is_refused(&mut command).await;
    for (variable, found) in [("DESPATCH_LINKS_SECRET", 5), ("DESPATCH_LINKS_FORMER_SECRETS", 6)] {
        assert_said(&said, variable, &format!("expected at least 32 bytes, found {found}; make one with"));
    }
}
