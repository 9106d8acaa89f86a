//! WooCommerce's own sample, and shops' variations of it.

use despatch_contracts::order::ChargeKind::{Fee, Rounding, Shipping};
use despatch_contracts::order::{ServiceLevel, TenderState};
use serde_json::{Value, json};

use super::*;

const SAMPLE: &str = include_str!("../../../../../../data/webhooks/woocommerce_order_created.json");

fn sample() -> Value {
    serde_json::from_str(SAMPLE).unwrap()
}

fn order(webhook: &Value) -> Order {
    read(webhook.to_string().as_bytes(), "south").unwrap()
}

/// The kind, title and minor units of each charge.
fn charges(order: &Order) -> Vec<(ChargeKind, &str, i64)> {
    order.charges.iter().map(|it| (it.kind(), &*it.title, it.amount_minor)).collect()
}

#[test]
fn the_sample_is_read_as_it_is() {
    let order = read(SAMPLE.as_bytes(), "south").unwrap();
    assert_eq!((&*order.shop, &*order.shop_order_id, &*order.channel), ("south", "727", "woocommerce"));
    assert_eq!(charges(&order), [(Shipping, "Flat Rate", 1000)]);
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
        (order.tax_minor, order.discount_minor, order.total_minor, order.prices_include_tax),
        (135, 0, 2935, false)
    );
    // The sample is older than `rate_percent`.
    let tax = |amount_minor| TaxLine { title: "State Tax".into(), rate_ppm: 0, amount_minor };
    assert_eq!(order.lines.iter().map(|line| &*line.taxes).collect::<Vec<_>>(), [[tax(45)], [tax(90)]]);
    assert_eq!(order.service_level, i32::from(ServiceLevel::Standard));
    let [tender] = order.tenders.as_slice() else { panic!("{:?}", order.tenders) };
    assert_eq!(
        (&*tender.provider, tender.state(), tender.amount_minor),
        ("shop", TenderState::Captured, 2935)
    );
}

#[test]
fn fees_add_and_negative_fees_take_off() {
    let mut webhook = sample();
    webhook["fee_lines"] =
        json!([{"name": "Gift wrap", "total": "2.50"}, {"name": "Voucher", "total": "-1.00"}]);
    webhook["total"] = json!("30.85");
    let order = order(&webhook);
    let expected = [(Shipping, "Flat Rate", 1000), (Fee, "Gift wrap", 250), (Fee, "Voucher", -100)];
    assert_eq!((charges(&order), order.discount_minor), (expected.to_vec(), 0));
    assert_eq!(order.parts_minor(), i128::from(order.total_minor));
}

#[test]
fn each_shipping_method_is_a_charge() {
    let mut webhook = sample();
    webhook["shipping_lines"] = json!([
        {"method_title": "Flat Rate", "total": "7.005", "total_tax": "0.70"},
        {"method_title": "Bulky", "total": "3.00", "taxes": [{"id": 75, "total": "0.304"}, {"id": 9, "total": ""}]},
        {"method_title": "Free", "total": "0.00"},
    ]);
    // Amounts with more decimals than the currency has are refused, as always; taxes are notes.
    assert!(read(webhook.to_string().as_bytes(), "south").is_err());
    webhook["shipping_lines"][0]["total"] = json!("7.01");
    webhook["tax_lines"][0]["rate_percent"] = json!(10);
    let order = order(&webhook);
    // The methods miss `shipping_total` by their rounding, and so does the total.
    let rounding = (Rounding, "", -1);
    assert_eq!(charges(&order), [(Shipping, "Flat Rate", 701), (Shipping, "Bulky", 300), rounding]);
    let tax = |amount_minor| TaxLine { title: "State Tax".into(), rate_ppm: 100_000, amount_minor };
    assert_eq!((&*order.charges[0].taxes, &*order.charges[1].taxes), (&[tax(70)][..], &[tax(30)][..]));
}

#[test]
fn shipping_that_no_method_makes_up_is_one_charge() {
    let mut webhook = sample();
    webhook["shipping_lines"][0]["total"] = Value::Null;
    assert_eq!(charges(&order(&webhook)), [(Shipping, "Flat Rate", 1000)]);
    webhook["shipping_lines"] = json!([]);
    assert_eq!(charges(&order(&webhook)), [(Shipping, "", 1000)]);
    // An old shop may leave the sum out.
    webhook["shipping_lines"] = json!([{"method_title": "Flat Rate", "total": "10.00"}]);
    webhook["shipping_total"] = Value::Null;
    assert_eq!(charges(&order(&webhook)), [(Shipping, "Flat Rate", 1000)]);
}

#[test]
fn a_tax_has_the_rate_that_it_names() {
    let mut webhook = sample();
    let rate = |id: u32, label: &str, percent: Value| json!({"rate_id": id, "label": label, "rate_percent": percent});
    let long = "Ü".repeat(100);
    webhook["tax_lines"] = json!([rate(75, "PST", json!(9.975)), rate(76, &long, json!("5"))]);
    webhook["line_items"][0]["taxes"] =
        json!([{"id": 75, "total": "0.5985"}, {"id": "76", "total": 0.3}, {"id": 77, "total": "0.01"}]);
    webhook["line_items"][1]["taxes"] = json!([]);
    let order = order(&webhook);
    let tax = |title: &str, rate_ppm, amount_minor| TaxLine { title: title.into(), rate_ppm, amount_minor };
    let expected = [tax("PST", 99_750, 60), tax(&"Ü".repeat(24), 50_000, 30), tax("", 0, 1)];
    assert_eq!(order.lines[0].taxes, expected);
    // The second line says only its whole tax, which is of one of two rates.
    assert_eq!(order.lines[1].taxes, [tax("", 0, 90)]);
}

#[test]
fn tax_adds_even_if_prices_include_it() {
    let mut webhook = sample();
    webhook["prices_include_tax"] = json!(true);
    let order = order(&webhook);
    assert_eq!((order.prices_include_tax, order.tax_minor), (true, 135));
    assert_eq!(order.parts_minor(), i128::from(order.total_minor));
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
    webhook["payment_method"] = json!("stripe");
    webhook["meta_data"] = json!([{"id": 1, "key": "_stripe_intent_id", "value": "pi_9"}]);
    assert_eq!(order(&webhook).tenders[0].reference, "pi_9");
}
