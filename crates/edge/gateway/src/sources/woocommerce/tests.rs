//! WooCommerce's own sample, and shops' variations of it.

use despatch_contracts::order::ChargeKind::{Fee, Rounding, Shipping};
use despatch_contracts::order::{Fulfilment, Line, ServiceLevel, TaxLine, TenderState};
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
    // Amounts with more decimals than the currency has are rounded: the total is exact and right.
    let mut beyond = webhook.clone();
    beyond["total"] = json!("29.355");
    assert_eq!(read(beyond.to_string().as_bytes(), "south").unwrap_err().field, "total");
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

fn fulfilments(order: &Order) -> Vec<(Fulfilment, u32)> {
    order.lines.iter().map(|line| (line.fulfilment(), line.bundle)).collect()
}

#[test]
fn only_a_whole_collection_is_one() {
    let method = |id: &str| json!({"method_id": id, "method_title": "x", "total": "0.00"});
    for (methods, expected) in [
        (json!([method("local_pickup")]), Fulfilment::Pickup),
        (json!([method("local_pickup:3")]), Fulfilment::Pickup),
        (json!([method("pickup_location")]), Fulfilment::Pickup),
        (json!([method("pickup_location"), method("flat_rate")]), Fulfilment::Ours),
        (json!([method("flat_rate")]), Fulfilment::Ours),
        (json!([]), Fulfilment::Ours),
    ] {
        let mut webhook = sample();
        webhook["shipping_lines"] = methods.clone();
        assert_eq!(order(&webhook).lines[0].fulfilment(), expected, "{methods}");
    }
}

#[test]
fn what_plugins_call_virtual_is_not_sent() {
    for (name, value) in [
        ("virtual", json!(true)),
        ("downloadable", json!("yes")),
        ("meta_data", json!([{"key": "_virtual", "value": "yes"}])),
    ] {
        let mut webhook = sample();
        webhook["line_items"][0][name] = value;
        assert_eq!(
            fulfilments(&order(&webhook)),
            [(Fulfilment::Digital, 0), (Fulfilment::Ours, 0)],
            "{name}"
        );
    }
}

#[test]
fn each_bundle_plugin_s_containers_are_known() {
    let meta = |key: &str, value: &str| json!([{"key": key, "value": value}]);
    for (container, article) in [
        (json!({"bundled_items": [12]}), json!({"bundled_by": 11})),
        (json!({"bundled_items": [12]}), json!({})),
        (json!({}), json!({"bundled_by": "11"})),
        (json!({"composite_children": [12]}), json!({"composite_parent": 11})),
        (json!({}), json!({"mnm_container": 11})),
        (
            json!({"meta_data": meta("_bundle_cart_key", "k1")}),
            json!({"meta_data": meta("_bundled_by", "k1")}),
        ),
        (
            json!({"meta_data": meta("_composite_cart_key", "k1")}),
            json!({"meta_data": meta("_composite_parent", "k1")}),
        ),
        (json!({"product_id": 93}), json!({"meta_data": meta("_woosb_parent_id", "93")})),
    ] {
        let mut webhook = sample();
        webhook["line_items"][0]["id"] = json!(11);
        webhook["line_items"][1]["id"] = json!(12);
        for (item, fields) in [(0, &container), (1, &article)] {
            for (name, value) in fields.as_object().unwrap() {
                webhook["line_items"][item][name] = value.clone();
            }
        }
        let expected = [(Fulfilment::None, 0), (Fulfilment::Ours, 1)];
        assert_eq!(fulfilments(&order(&webhook)), expected, "{container} {article}");
        // A bundle that is packed in the shop is sent as one piece.
        let meta = webhook["line_items"][1]["meta_data"].as_array_mut().unwrap();
        meta.push(json!({"key": "_bundled_item_needs_shipping", "value": "no"}));
        let expected = [(Fulfilment::Ours, 0), (Fulfilment::None, 1)];
        assert_eq!(fulfilments(&order(&webhook)), expected, "{container} {article}");
    }
    // A line of its own, whatever it says of itself.
    let mut webhook = sample();
    webhook["line_items"][0]["bundled_by"] = json!(webhook["line_items"][0]["id"]);
    webhook["line_items"][1]["bundled_by"] = json!(7);
    assert_eq!(fulfilments(&order(&webhook)), [(Fulfilment::Ours, 0); 2]);
}

/// The units and minor units of each line.
fn units(order: &Order) -> Vec<(i64, i64, i64)> {
    order.lines.iter().map(|line: &Line| (line.quantity, line.removed, line.total_minor)).collect()
}

#[test]
fn a_refund_that_names_its_units_takes_them_off() {
    let item = json!({"quantity": -1, "total": "-3.00", "meta_data": [{"key": "_refunded_item_id", "value": "315"}]});
    let by_product = json!({"product_id": 93, "variation_id": 0, "quantity": -1});
    for item in [item, by_product] {
        let mut webhook = sample();
        webhook["line_items"][0]["id"] = json!(315);
        webhook["refunds"] = json!([{"id": 1, "total": "-3.23", "line_items": [item]}]);
        let order = order(&webhook);
        assert_eq!(units(&order), [(2, 1, 300), (1, 0, 1200)]);
        assert_eq!((order.total_minor, order.parts_minor()), (2612, 2612));
        assert_eq!((order.lines[0].taxes[0].amount_minor, order.tenders[0].amount_minor), (23, 2612));
    }
}

#[test]
fn a_refund_without_units_is_of_the_only_line_that_it_can_be_of() {
    // A line costs 12.00 and 0.90 tax, another twice 3.00 and 0.225; shipping is 10.00.
    for (total, expected, kind) in [
        ("-12.90", [(2, 0, 600), (1, 1, 0)], None),
        ("-6.45", [(2, 2, 0), (1, 0, 1200)], None),
        ("-10.00", [(2, 0, 600), (1, 0, 1200)], Some(Fee)),
        ("-5.00", [(2, 0, 600), (1, 0, 1200)], Some(ChargeKind::Refund)),
    ] {
        let mut webhook = sample();
        webhook["refunds"] = json!([{"id": 1, "reason": "", "total": total}]);
        let order = order(&webhook);
        assert_eq!(units(&order), expected, "{total}");
        let last = order.charges.last().map(|charge| (charge.kind(), &*charge.title));
        assert_eq!(last, kind.map(|kind| (kind, "Refund")).or(Some((Shipping, "Flat Rate"))), "{total}");
        assert_eq!(order.parts_minor(), i128::from(order.total_minor), "{total}");
    }
    // Two lines of one price: nobody can know.
    let mut webhook = sample();
    webhook["line_items"][0]["total"] = json!("12.00");
    webhook["line_items"][0]["total_tax"] = json!("0.90");
    webhook["refunds"] = json!([{"id": 1, "total": "-12.90"}]);
    let order = order(&webhook);
    assert_eq!(units(&order), [(2, 0, 1200), (1, 0, 1200)]);
    assert_eq!(order.charges.last().unwrap().kind(), ChargeKind::Refund);
}

#[test]
fn what_the_shop_knows_is_kept() {
    let mut webhook = sample();
    webhook["billing"]["first_name"] = json!("Ben &amp; Jerry&#8217;s");
    webhook["line_items"][0]["name"] = json!("Caf&eacute; &quot;small&quot;");
    webhook["customer_note"] = json!("Ring twice");
    webhook["coupon_lines"] = json!([{"code": "spring"}]);
    webhook["meta_data"] =
        json!([{"key": "_billing_vat_number", "value": "DE1"}, {"key": "wpml_language", "value": "de"}]);
    let order = order(&webhook);
    let customer = order.customer.unwrap();
    assert_eq!((&*customer.name, &*customer.phone), ("Ben & Jerry’s Doe", "(555) 555-5555"));
    assert_eq!((&*customer.locale, &*order.lines[0].title), ("de", "Café \"small\""));
    assert_eq!((&*order.number, &*order.note, &*order.buyer_tax_id), ("727", "Ring twice", "DE1"));
    assert_eq!((order.discount_codes, &*order.source), (vec!["spring".to_owned()], "rest-api"));
    assert_eq!(order.updated_at.unwrap().to_string(), "2017-03-22T19:28:08Z");
    assert_eq!(order.bill_to.unwrap().street1, "969 Market");
    assert_eq!((order.lines[0].unit_price_minor, &*order.lines[0].product_id), (300, "93"));
}

#[test]
fn a_number_of_units_may_be_written_as_php_writes_it() {
    for quantity in [json!(2), json!(2.0), json!("2"), json!("2.0")] {
        let mut webhook = sample();
        webhook["line_items"][0]["quantity"] = quantity.clone();
        assert_eq!(order(&webhook).lines[0].quantity, 2, "{quantity}");
    }
    let mut webhook = sample();
    webhook["line_items"][0]["quantity"] = json!(0.7);
    let invalid = read(webhook.to_string().as_bytes(), "south").unwrap_err();
    assert_eq!(invalid.field, "line_items[0].quantity");
}

#[test]
fn prices_of_four_decimals_add_up_to_an_exact_total() {
    let case = include_str!("../../../tests/cases/04b-woo-four-decimals.json");
    let order = read(case.as_bytes(), "south").unwrap();
    assert_eq!(order.lines.iter().map(|line| line.total_minor).collect::<Vec<_>>(), [833, 1250]);
    assert_eq!((order.tax_minor, order.total_minor, order.parts_minor()), (414, 2997, 2997));
}
