//! WooCommerce's own sample, and shops' variations of it.

use despatch_contracts::order::ServiceLevel;
use serde_json::{Value, json};

use super::*;

const SAMPLE: &str = include_str!("../../../../../../data/webhooks/woocommerce_order_created.json");

fn sample() -> Value {
    serde_json::from_str(SAMPLE).unwrap()
}

fn order(webhook: &Value) -> Order {
    read(webhook.to_string().as_bytes(), "south").unwrap()
}

#[test]
fn the_sample_is_read_as_it_is() {
    let order = read(SAMPLE.as_bytes(), "south").unwrap();
    assert_eq!((&*order.shop, &*order.shop_order_id, &*order.channel), ("south", "727", "woocommerce"));
    assert_eq!(order.placed_at.unwrap().to_string(), "2017-03-22T19:28:02Z");
    let customer = order.customer.unwrap();
    assert_eq!(
        (&*customer.customer_id, &*customer.name, &*customer.email),
        ("", "John Doe", "john.doe@example.com")
    );
    let ship_to = order.ship_to.unwrap();
    assert_eq!(
        (&*ship_to.street1, &*ship_to.region, &*ship_to.phone),
        ("969 Market", "CA", "(555) 555-5555")
    );
    let lines: Vec<_> =
        order.lines.iter().map(|line| (&*line.sku, line.quantity, line.total_minor)).collect();
    assert_eq!(lines, [("", 2, 600), ("Bar3", 1, 1200)]);
    assert_eq!(
        (order.shipping_minor, order.tax_minor, order.discount_minor, order.total_minor),
        (1000, 135, 0, 2935)
    );
    assert_eq!(order.service_level, i32::from(ServiceLevel::Standard));
    assert_eq!(order.authorisation, None);
}

#[test]
fn fees_add_and_negative_fees_take_off() {
    let mut webhook = sample();
    webhook["fee_lines"] = json!([{"total": "2.50"}, {"total": "-1.00"}]);
    let order = order(&webhook);
    assert_eq!((order.shipping_minor, order.discount_minor), (1250, 100));
}

#[test]
fn empty_text_is_no_address_and_no_customer() {
    let mut webhook = sample();
    for name in ["shipping", "billing"] {
        for (_, value) in webhook[name].as_object_mut().unwrap() {
            *value = json!("");
        }
    }
    let order = order(&webhook);
    assert_eq!((order.ship_to, order.customer), (None, None));
}

#[test]
fn checkout_names_its_payment() {
    let mut webhook = sample();
    webhook["meta_data"] = json!([{"id": 1, "key": "_stripe_intent_id", "value": "pi_9"}]);
    assert_eq!(order(&webhook).authorisation.unwrap().reference, "pi_9");
}
