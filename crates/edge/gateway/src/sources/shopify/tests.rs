//! Shopify's own sample, and shops' variations of it.

use despatch_contracts::order::ServiceLevel;
use serde_json::{Value, json};

use super::*;

const SAMPLE: &str = include_str!("../../../../../../data/webhooks/shopify_order_created.json");

fn sample() -> Value {
    serde_json::from_str(SAMPLE).unwrap()
}

fn order(webhook: &Value) -> Order {
    read(webhook.to_string().as_bytes(), "north").unwrap()
}

#[test]
fn the_sample_is_read_as_it_is() {
    let order = read(SAMPLE.as_bytes(), "north").unwrap();
    assert_eq!((&*order.shop, &*order.shop_order_id, &*order.channel), ("north", "450789469", "shopify"));
    assert_eq!(order.placed_at.unwrap().to_string(), "2008-01-10T16:00:00Z");
    let customer = order.customer.unwrap();
    assert_eq!((&*customer.name, &*customer.email), ("Bob Norman", "bob.norman@hostmail.com"));
    let ship_to = order.ship_to.unwrap();
    assert_eq!((&*ship_to.street1, &*ship_to.region, &*ship_to.country), ("Chestnut Street 92", "KY", "US"));
    let lines: Vec<_> =
        order.lines.iter().map(|line| (line.number, &*line.sku, line.quantity, line.total_minor)).collect();
    assert_eq!(
        lines,
        [(1, "IPOD2008GREEN", 1, 19900), (2, "IPOD2008RED", 1, 19900), (3, "IPOD2008BLACK", 1, 19900)]
    );
    // As published by Shopify, it does not add up: 597.00 + 11.94 is not 409.94.
    assert_eq!(
        (order.shipping_minor, order.tax_minor, order.discount_minor, order.total_minor),
        (0, 1194, 0, 40994)
    );
    assert_eq!(order.service_level, i32::from(ServiceLevel::Standard));
    assert_eq!(order.authorisation, None);
}

#[test]
fn discounts_are_counted_once() {
    let mut webhook = sample();
    webhook["line_items"][0]["quantity"] = json!(2);
    webhook["line_items"][0]["total_discount"] = json!("9.00");
    webhook["line_items"][0]["discount_allocations"] = json!([{"amount": "5.00"}, {"amount": "4.00"}]);
    webhook["line_items"][1]["total_discount"] = json!("1.00");
    webhook["shipping_lines"][0]["price"] = json!("7.50");
    webhook["total_discounts"] = json!("17.50");
    let order = order(&webhook);
    assert_eq!(order.lines.iter().map(|line| line.total_minor).collect::<Vec<_>>(), [38900, 19800, 19900]);
    assert_eq!((order.shipping_minor, order.discount_minor), (750, 750));
}

#[test]
fn tax_that_prices_include_does_not_add() {
    let mut webhook = sample();
    webhook["taxes_included"] = json!(true);
    assert_eq!(order(&webhook).tax_minor, 0);
}

#[test]
fn tips_are_charged() {
    let mut webhook = sample();
    webhook["total_tip_received"] = json!("2.00");
    assert_eq!(order(&webhook).shipping_minor, 200);
}

#[test]
fn checkout_names_its_payment() {
    let mut webhook = sample();
    webhook["note_attributes"] = json!([{"name": "payment_intent", "value": "pi_3"}]);
    webhook["order_number"] = json!(1001);
    webhook["checkout_token"] = json!("ck_1");
    webhook["cart_token"] = json!(null);
    let placed = order(&webhook);
    let authorisation = placed.authorisation.unwrap();
    assert_eq!((&*authorisation.reference, authorisation.amount_minor), ("pi_3", 40994));
    // A visitor can set the attribute, so the intent must name the order.
    let proofs: Vec<_> = authorisation.proofs.iter().map(|proof| (&*proof.key, &*proof.value)).collect();
    let id = &*placed.shop_order_id;
    assert_eq!(proofs, [("order_id", id), ("order_number", "1001"), ("checkout_token", "ck_1")]);
}

#[test]
fn what_is_missing_stays_missing() {
    let mut webhook = sample();
    for name in ["customer", "shipping_address", "email", "line_items", "shipping_lines", "note_attributes"] {
        webhook[name] = Value::Null;
    }
    let order = order(&webhook);
    assert_eq!((order.customer, order.ship_to, order.lines.len()), (None, None, 0));
}

#[test]
fn an_order_s_own_email_goes_before_the_account_s() {
    let mut webhook = sample();
    webhook["email"] = json!("gift@example.com");
    assert_eq!(order(&webhook).customer.unwrap().email, "gift@example.com");
    webhook["email"] = json!("");
    assert_eq!(order(&webhook).customer.unwrap().email, "bob.norman@hostmail.com");
}
