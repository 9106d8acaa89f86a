//! Lines with the party that brings each, units that no longer stand, and people.

use despatch_contracts::order::ChargeKind::Fee;
use despatch_contracts::order::Fulfilment;
use serde_json::{Value, json};

use super::{charges, order, sample};

#[test]
fn each_line_names_who_brings_it() {
    for (field, value, expected) in [
        ("requires_shipping", json!(true), Fulfilment::Ours),
        ("requires_shipping", json!(false), Fulfilment::Digital),
        ("gift_card", json!(true), Fulfilment::Digital),
        ("fulfillment_service", json!("manual"), Fulfilment::Ours),
        ("fulfillment_service", json!(null), Fulfilment::Ours),
        ("fulfillment_service", json!("print-house"), Fulfilment::OtherService),
    ] {
        let mut webhook = sample();
        webhook["line_items"][0][field] = value.clone();
        assert_eq!(order(&webhook).lines[0].fulfilment(), expected, "{field} {value}");
    }
}

#[test]
fn an_order_is_collected_if_the_shop_says_so() {
    let method = |title: &str, price: &str| json!([{"title": title, "code": title, "price": price}]);
    for (address, methods, expected) in [
        (false, method("Main Street", "0.00"), Fulfilment::Pickup),
        (false, method("Filiale Hauptstra\u{df}e", "0"), Fulfilment::Pickup),
        (true, method("Local pickup", "0.00"), Fulfilment::Pickup),
        (
            true,
            json!([{"title": "Main Street", "delivery_category": "pickup", "price": "0.00"}]),
            Fulfilment::Pickup,
        ),
        (true, method("Main Street", "0.00"), Fulfilment::Ours),
        (false, method("Free Shipping", "0.00"), Fulfilment::Ours),
        (false, method("Main Street", "5.00"), Fulfilment::Ours),
        (true, method("Pickup point", "3.00"), Fulfilment::Ours),
        (false, json!([]), Fulfilment::Ours),
    ] {
        let mut webhook = sample();
        if !address {
            webhook["shipping_address"] = Value::Null;
        }
        webhook["shipping_lines"] = methods.clone();
        webhook["line_items"][1]["requires_shipping"] = json!(false);
        let order = order(&webhook);
        assert_eq!(order.lines[0].fulfilment(), expected, "{address} {methods}");
        assert_eq!(order.lines[1].fulfilment(), Fulfilment::Digital);
    }
}

#[test]
fn what_the_shop_took_off_is_neither_charged_nor_sent() {
    let mut webhook = sample();
    webhook["line_items"][0]["quantity"] = json!(3);
    webhook["line_items"][0]["current_quantity"] = json!(2);
    webhook["line_items"][0]["total_discount"] = json!("30.00");
    webhook["line_items"][0]["tax_lines"] = json!([{"title": "VAT", "price": "9.00", "rate": 0.02}]);
    webhook["line_items"][1]["current_quantity"] = json!(0);
    webhook["total_discounts"] = json!("30.00");
    // 3 * 199.00 - 30.00 + 2 * 199.00 + 11.94
    webhook["total_price"] = json!("976.94");
    let check = |webhook: &Value, tax_minor| {
        let order = order(webhook);
        let units: Vec<_> = order
            .lines
            .iter()
            .map(|it| (it.quantity, it.removed, it.total_minor, it.discount_minor))
            .collect();
        assert_eq!(units, [(3, 1, 37800, 2000), (1, 1, 0, 0), (1, 0, 19900, 0)]);
        assert_eq!((order.lines[0].taxes[0].amount_minor, order.tax_minor), (600, tax_minor));
        assert_eq!((charges(&order), order.discount_minor), (vec![], 0));
        assert_eq!(order.parts_minor(), i128::from(order.total_minor));
        assert_eq!(order.tenders[0].amount_minor, order.total_minor);
        order.total_minor
    };
    assert_eq!(check(&webhook, 894), 58594);
    // The shop says what is current.
    webhook["current_total_price"] = json!("585.00");
    webhook["current_total_tax"] = json!("8.00");
    webhook["current_total_discounts"] = json!("20.00");
    assert_eq!(check(&webhook, 800), 58500);
}

#[test]
fn a_refund_that_takes_no_unit_off_is_a_negative_fee() {
    let mut webhook = sample();
    webhook["total_price"] = json!("608.94");
    webhook["current_total_price"] = json!("600.00");
    assert_ne!(order(&webhook).parts_minor(), 60000);
    webhook["refunds"] = json!([{"id": 1}]);
    let order = order(&webhook);
    assert_eq!((charges(&order), order.total_minor), (vec![(Fee, "Refund", -894)], 60000));
}

#[test]
fn units_that_were_sent_before_are_not_ours_to_send() {
    let mut webhook = sample();
    webhook["line_items"][0]["quantity"] = json!(3);
    webhook["line_items"][0]["fulfillable_quantity"] = json!(1);
    webhook["line_items"][0]["fulfillment_status"] = json!("partial");
    webhook["line_items"][1]["fulfillable_quantity"] = json!(0);
    webhook["line_items"][1]["fulfillment_status"] = json!("fulfilled");
    let order = order(&webhook);
    let lines: Vec<_> =
        order.lines.iter().map(|it| (it.number, it.quantity, it.fulfilment(), it.total_minor)).collect();
    assert_eq!(
        lines,
        [
            (1, 1, Fulfilment::Ours, 19900),
            (2, 2, Fulfilment::OtherService, 39800),
            (3, 1, Fulfilment::OtherService, 19900),
            (4, 1, Fulfilment::Ours, 19900),
        ]
    );
}

#[test]
fn what_the_shop_knows_of_people_is_kept() {
    let mut webhook = sample();
    webhook["customer"]["phone"] = json!("+1 555 0199");
    webhook["customer"]["first_name"] = json!("Ben &amp; Jerry&#8217;s");
    webhook["customer_locale"] = json!("de-CH");
    webhook["note_attributes"] =
        json!([{"name": "VAT number", "value": "DE1"}, {"name": "is_gift", "value": "true"}]);
    webhook["customer"]["email_marketing_consent"] = json!({"state": "subscribed", "opt_in_level": "single_opt_in", "consent_updated_at": "2026-03-01T10:00:00Z"});
    webhook["tags"] = json!("wholesale, , urgent");
    let kept = order(&webhook);
    let customer = kept.customer.unwrap();
    assert_eq!((&*customer.name, &*customer.phone), ("Ben & Jerry’s Norman", "+1 555 0199"));
    let consent = customer.marketing.unwrap();
    assert_eq!((&*consent.state, &*consent.level), ("subscribed", "single_opt_in"));
    assert_eq!(consent.at.unwrap().to_string(), "2026-03-01T10:00:00Z");
    assert_eq!((&*customer.locale, &*kept.buyer_tax_id, kept.is_gift), ("de-CH", "DE1", true));
    assert_eq!(kept.tags, ["wholesale", "urgent"]);
    assert_eq!((&*kept.number, kept.bill_to.unwrap().name), ("#1001", "Bob Norman".to_owned()));
    assert!(kept.updated_at.is_some());

    // Without an account, the order itself says how to reach the buyer.
    webhook["customer"] = Value::Null;
    webhook["phone"] = json!("+1 555 0100");
    let customer = order(&webhook).customer.unwrap();
    assert_eq!(
        (&*customer.customer_id, &*customer.name, &*customer.phone),
        ("", "Bob Norman", "+1 555 0100")
    );
}
