//! The webhooks of the stand-in shop, held against what others found Shopify's to be: npm's `shopify-webhook-schemas`.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, in what it calls too")]

use std::collections::BTreeMap;
use std::io::Write as _;
use std::process::{Command, Stdio};

use despatch_scenario::Rng;
use despatch_scenario::sample;
use despatch_scenario::shopify::{History, Payment, ShopWord, ShopifyOrder};
use serde_json::{Value, json};

/// The directory in which the gate has unpacked the schemas. If it is set, the test fails without them.
const SCHEMAS: &str = "DESPATCH_TEST_SHOPIFY_SCHEMAS";

/// The directory in which the gate has installed Python's validator of JSON schemas.
const PYTHON: &str = "DESPATCH_TEST_PYTHON";

/// Every webhook of some hundred orders.
fn words() -> Vec<ShopWord> {
    let orders = sample::orders().unwrap();
    let mut rng = Rng::new(17);
    let mut words = Vec::new();
    for (number, file_order) in (1..).zip(&orders[..300]) {
        let mut order = ShopifyOrder::placed(file_order, 6_200_000_000_000 + number, 1_790_000_000).unwrap();
        let payment = Payment::draw(&mut rng);
        if payment == Payment::AtStripe {
            order = order.authorised(format!("pi_{number}"));
        }
        words.extend(History::draw(order, payment, &mut rng).words);
    }
    words
}

/// Returns what the schemas say of each webhook: `ok`, or what they refuse.
fn judged(schemas: &str, words: &[ShopWord]) -> Vec<String> {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/shopify_schemas.py");
    let mut python = Command::new("python3")
        .args([script, schemas])
        .env("PYTHONPATH", std::env::var(PYTHON).unwrap_or_default())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = python.stdin.take().unwrap();
    let line = |word: &ShopWord| json!({ "topic": word.topic, "body": word.body }).to_string();
    let lines: Vec<String> = words.iter().map(line).collect();
    let lines = lines.join("\n");
    let writing = std::thread::spawn(move || input.write_all(lines.as_bytes()).unwrap());
    let output = python.wait_with_output().unwrap();
    writing.join().unwrap();
    assert!(output.status.success(), "{output:?}");
    let said: Vec<String> = String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect();
    assert_eq!(said.len(), words.len());
    said
}

/// Returns a webhook of each topic, an order with refunds among them.
fn one_of_each(words: &[ShopWord]) -> BTreeMap<&'static str, ShopWord> {
    let mut one = BTreeMap::new();
    for word in words {
        let has_refund = word.body["refunds"].get(0).is_some();
        if has_refund || !one.contains_key(word.topic) {
            one.insert(word.topic, word.clone());
        }
    }
    one
}

#[test]
fn shopify_s_schemas_accept_each_webhook_and_refuse_another_type() {
    let Ok(schemas) = std::env::var(SCHEMAS) else {
        eprintln!("no schemas of Shopify's webhooks: run .ci/run, which unpacks them, and set {SCHEMAS}");
        return;
    };
    let words = words();
    let one = one_of_each(&words);
    let topics: Vec<&str> = one.keys().copied().collect();
    let all = [
        "orders/cancelled",
        "orders/create",
        "orders/edited",
        "orders/paid",
        "orders/updated",
        "refunds/create",
    ];
    assert_eq!(topics, all);
    for (word, said) in words.iter().zip(judged(&schemas, &words)) {
        assert_eq!(said, "ok", "{}: {:#}", word.topic, word.body);
    }
    let mut broken = Vec::new();
    for (topic, pointer, value) in [
        ("orders/create", "/id", json!("6200000000001")),
        ("orders/updated", "/total_price", json!(12.5)),
        ("orders/updated", "/line_items/0/current_quantity", json!("1")),
        ("orders/updated", "/line_items", json!({})),
        ("orders/updated", "/refunds/0/transactions/0/amount", json!(5)),
        ("orders/paid", "/financial_status", Value::Null),
        ("orders/cancelled", "/cancelled_at", json!(1_790_000_000)),
        ("orders/edited", "/order_edit/order_id", json!("7")),
        ("refunds/create", "/order_id", Value::Null),
        ("refunds/create", "/transactions/0/id", json!("7")),
    ] {
        let mut word = one[topic].clone();
        *word.body.pointer_mut(pointer).unwrap_or_else(|| panic!("{topic} has {pointer}")) = value;
        broken.push((pointer, word));
    }
    let (pointers, broken): (Vec<_>, Vec<_>) = broken.into_iter().unzip();
    for (pointer, said) in pointers.iter().zip(judged(&schemas, &broken)) {
        assert_ne!(said, "ok", "{pointer}");
    }
}
