//! Shopify's own sample, and shops' variations of it.

use despatch_contracts::order::ChargeKind::{Duty, Fee, Shipping, Tip};
use despatch_contracts::order::{ServiceLevel, TaxLine, TenderState};
use serde_json::{Value, json};

use super::*;

mod contract;

const SAMPLE: &str = include_str!("../../../../../../data/webhooks/shopify_order_created.json");

fn sample() -> Value {
    serde_json::from_str(SAMPLE).unwrap()
}

fn order(webhook: &Value) -> Order {
    read(webhook.to_string().as_bytes(), "north").unwrap()
}

/// The kind, title and minor units of each charge.
fn charges(order: &Order) -> Vec<(ChargeKind, &str, i64)> {
    order.charges.iter().map(|it| (it.kind(), &*it.title, it.amount_minor)).collect()
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
        (order.tax_minor, order.discount_minor, order.total_minor, order.prices_include_tax),
        (1194, 0, 40994, false)
    );
    // Free shipping is no charge, and the difference is beyond rounding.
    assert_eq!(order.charges, []);
    assert_eq!(order.service_level, i32::from(ServiceLevel::Standard));
    let [tender] = order.tenders.as_slice() else { panic!("{:?}", order.tenders) };
    assert_eq!((&*tender.provider, tender.state()), ("shop", TenderState::Authorised));
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
    assert_eq!((charges(&order), order.discount_minor), (vec![(Shipping, "Free Shipping", 750)], 750));
}

#[test]
fn tax_that_prices_include_does_not_add() {
    let mut webhook = sample();
    webhook["taxes_included"] = json!(true);
    webhook["line_items"][0]["tax_lines"] = json!([{"title": "VAT", "rate": 0.2, "price": "33.17"}]);
    let order = order(&webhook);
    assert_eq!((order.tax_minor, order.prices_include_tax), (0, true));
    let vat = TaxLine { title: "VAT".into(), rate_ppm: 200_000, amount_minor: 3317 };
    assert_eq!(order.lines[0].taxes, [vat]);
}

#[test]
fn lines_and_shipping_have_their_taxes() {
    let mut webhook = sample();
    webhook["line_items"][1]["tax_lines"] = json!([
        {"title": "NY State Tax", "price": "7.96", "rate": 0.04},
        {"title": "New York City", "price": "9.7013", "rate": 0.04875},
    ]);
    webhook["shipping_lines"] = json!([
        {"title": "Standard", "price": "5.00", "tax_lines": [{"title": "VAT", "price": "1.00", "rate": 0.2}]},
        {"title": "Bulky", "price": "12.50", "tax_lines": []},
    ]);
    let order = order(&webhook);
    let tax = |title: &str, rate_ppm, amount_minor| TaxLine { title: title.into(), rate_ppm, amount_minor };
    assert_eq!(order.lines[1].taxes, [tax("NY State Tax", 40_000, 796), tax("New York City", 48_750, 970)]);
    assert_eq!(charges(&order), [(Shipping, "Standard", 500), (Shipping, "Bulky", 1250)]);
    assert_eq!(order.charges[0].taxes, [tax("VAT", 200_000, 100)]);
}

#[test]
fn tips_are_charged() {
    let mut webhook = sample();
    webhook["total_tip_received"] = json!("2.00");
    assert_eq!(charges(&order(&webhook)), [(Tip, "", 200)]);
}

#[test]
fn a_tip_s_item_is_the_tip_and_no_line() {
    let tip = json!({"title": "Tip", "sku": null, "product_id": null, "quantity": 1, "price": "2.00",
                     "requires_shipping": false});
    for mark in ["tip", "tip_payment_gateway", "tip_payment_method", ""] {
        let mut webhook = sample();
        let mut tip = tip.clone();
        if mark.is_empty() {
            webhook["total_tip_received"] = json!("2.00");
        } else {
            // The mark is enough, without an amount to compare with.
            webhook["total_tip_received"] = Value::Null;
            tip[mark] = if mark == "tip" { json!({"gateway": "x"}) } else { Value::Null };
        }
        webhook["line_items"].as_array_mut().unwrap().insert(1, tip);
        let order = order(&webhook);
        assert_eq!(charges(&order), [(Tip, "Tip", 200)], "{mark}");
        let numbers: Vec<_> = order.lines.iter().map(|line| (line.number, &*line.sku)).collect();
        assert_eq!(numbers, [(1, "IPOD2008GREEN"), (2, "IPOD2008RED"), (3, "IPOD2008BLACK")], "{mark}");
    }
}

#[test]
fn two_tips_are_two_charges() {
    let mut webhook = sample();
    let tip = |price: &str| {
        json!({"title": "Tip", "quantity": 1, "price": price, "requires_shipping": false,
               "tip_payment_gateway": null})
    };
    webhook["line_items"].as_array_mut().unwrap().extend([tip("2.00"), tip("3.00")]);
    webhook["total_tip_received"] = json!("5.00");
    assert_eq!(charges(&order(&webhook)), [(Tip, "Tip", 200), (Tip, "Tip", 300)]);
}

#[test]
fn only_one_item_without_a_mark_is_the_tip() {
    let mut webhook = sample();
    let item = json!({"title": "Engraving", "quantity": 1, "price": "2.00", "requires_shipping": false});
    webhook["line_items"].as_array_mut().unwrap().extend([item.clone(), item]);
    webhook["total_tip_received"] = json!("2.00");
    let order = order(&webhook);
    assert_eq!((order.lines.len(), charges(&order)), (4, vec![(Tip, "Engraving", 200)]));
}

#[test]
fn an_item_that_ships_or_is_of_the_catalogue_is_no_tip() {
    for (name, value) in [
        ("sku", json!("GIFT-2")),
        ("requires_shipping", json!(true)),
        ("product_id", json!(632_910_392)),
        ("price", json!("2.01")),
    ] {
        let mut webhook = sample();
        let mut item = json!({"title": "Card", "quantity": 1, "price": "2.00", "requires_shipping": false});
        item[name] = value;
        webhook["line_items"].as_array_mut().unwrap().push(item);
        webhook["total_tip_received"] = json!("2.00");
        let order = order(&webhook);
        assert_eq!((order.lines.len(), charges(&order)), (4, vec![(Tip, "", 200)]), "{name}");
    }
}

/// Shopify's sample with these duties and a total that contains them beside all else.
fn with_duties(total: &str) -> Value {
    let mut webhook = sample();
    for (item, amount) in [(0, "10.00"), (2, "8.40")] {
        let tax = json!({"title": "GST", "price": "1.00", "rate": 0.1});
        webhook["line_items"][item]["duties"] =
            json!([{"shop_money": {"amount": amount, "currency_code": "USD"}, "tax_lines": [tax]}]);
    }
    webhook["total_price"] = json!(total);
    webhook
}

#[test]
fn duties_are_counted_once() {
    let sum =
        |amount: &str| json!({"shop_money": {"amount": amount}, "presentment_money": {"amount": "17.00"}});
    for (original, current, line, total, expected) in [
        (sum("18.40"), sum("5.00"), "1.00", "627.34", 1840),
        (Value::Null, sum("18.40"), "1.00", "627.34", 1840),
        (Value::Null, Value::Null, "10.00", "627.34", 1840),
        (sum("0.00"), Value::Null, "10.00", "608.94", 0),
    ] {
        let mut webhook = with_duties(total);
        webhook["original_total_duties_set"] = original;
        webhook["current_total_duties_set"] = current;
        webhook["line_items"][0]["duties"][0]["shop_money"]["amount"] = json!(line);
        let order = order(&webhook);
        let duties: Vec<_> =
            order.charges.iter().map(|it| (it.kind(), it.amount_minor, it.taxes.len())).collect();
        assert_eq!(duties, if expected == 0 { vec![] } else { vec![(Duty, expected, 2)] }, "{webhook}");
        assert_eq!(order.parts_minor(), i128::from(order.total_minor));
    }
}

#[test]
fn a_line_s_duty_may_be_a_set() {
    let mut webhook = sample();
    webhook["line_items"][0]["duties"] = json!([{"price_set": {"shop_money": {"amount": "3.00"}}}]);
    webhook["total_price"] = json!("611.94");
    assert_eq!(charges(&order(&webhook)), [(Duty, "", 300)]);
}

#[test]
fn duties_that_prices_or_taxes_include_are_no_charge() {
    // The total is right without them.
    assert_eq!(charges(&order(&with_duties("608.94"))), []);
    // The total is wrong both ways, so the case shows them; unless the order says that prices include them.
    let mut webhook = with_duties("700.00");
    assert_eq!(charges(&order(&webhook)), [(Duty, "", 1840)]);
    webhook["duties_included"] = json!(true);
    assert_eq!(charges(&order(&webhook)), []);
}

#[test]
fn additional_fees_are_a_charge() {
    let mut webhook = sample();
    webhook["current_total_additional_fees_set"] = json!({"shop_money": {"amount": "4.00"}});
    assert_eq!(charges(&order(&webhook)), [(Fee, "", 400)]);
    webhook["original_total_additional_fees_set"] = json!({"shop_money": {"amount": "3.00"}});
    assert_eq!(charges(&order(&webhook)), [(Fee, "", 300)]);
}

#[test]
fn the_wrong_amount_of_a_charge_is_named() {
    for (pointer, field) in [
        ("/original_total_duties_set", "original_total_duties_set.shop_money.amount"),
        ("/current_total_additional_fees_set", "current_total_additional_fees_set.shop_money.amount"),
    ] {
        let mut webhook = sample();
        webhook[&pointer[1..]] = json!({"shop_money": {"amount": "much"}});
        assert_eq!(read(webhook.to_string().as_bytes(), "north").unwrap_err().field, field);
    }
    let mut webhook = sample();
    webhook["line_items"][1]["duties"] = json!([{"shop_money": {"amount": "much"}}]);
    let invalid = read(webhook.to_string().as_bytes(), "north").unwrap_err();
    assert_eq!(invalid.field, "line_items[1].duties[0]");
}

#[test]
fn checkout_names_its_payment() {
    let mut webhook = sample();
    webhook["note_attributes"] = json!([{"name": "payment_intent", "value": "pi_3"}]);
    webhook["order_number"] = json!(1001);
    webhook["checkout_token"] = json!("ck_1");
    webhook["cart_token"] = json!(null);
    let placed = order(&webhook);
    let authorisation = &placed.tenders[0];
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
