//! Our own order JSON, whole, bare and wrong.

use despatch_contracts::order::{Fulfilment, TaxLine};

use super::*;

const BARE: &str = r#"{"shop": "north", "shop_order_id": 7, "total": "0"}"#;

#[test]
fn a_whole_order_is_normalised() {
    let order = read(
        br#"{"shop": "north", "shop_order_id": "A-7", "placed_at": "2026-03-01T10:00:00+02:00",
             "customer": {"customer_id": 12, "name": "Zo\u00eb", "email": "zoe@example.com"},
             "ship_to": {"name": "Zo\u00eb", "street1": "1 Main St", "city": "Leeds", "postcode": "LS1", "country": "gb"},
             "lines": [{"sku": "A", "title": "a", "quantity": 2, "total": "10.00",
                        "taxes": [{"title": "VAT", "rate_percent": 8.875, "amount": "0.82"}, {"amount": "0.01"}]},
                       {"sku": "B", "quantity": 1, "total": 5}],
             "currency": "gbp", "shipping": "3.5", "tax": "1.00", "discount": "0.50", "total": "24.25",
             "charges": [{"kind": "fee", "title": "Voucher", "amount": "-1.00"}, {"kind": "duty", "amount": "4.25"},
                         {"kind": "tip", "amount": 2}, {"kind": "tip", "amount": 0}],
             "prices_include_tax": true,
             "service_level": "first-class",
             "authorisation": {"provider": "stripe", "reference": "pi_1", "amount": "19.00"}}"#,
    )
    .unwrap();
    assert_eq!(order.placed_at.unwrap().to_string(), "2026-03-01T08:00:00Z");
    assert_eq!(
        order.lines.iter().map(|line| (line.number, line.total_minor)).collect::<Vec<_>>(),
        [(1, 1000), (2, 500)]
    );
    assert_eq!((order.currency.as_str(), order.ship_to.unwrap().country.as_str()), ("GBP", "GB"));
    assert_eq!((order.tax_minor, order.discount_minor, order.total_minor), (100, 50, 2425));
    let charges: Vec<_> = order.charges.iter().map(|it| (it.kind(), &*it.title, it.amount_minor)).collect();
    let fee = (ChargeKind::Fee, "Voucher", -100);
    let duty_and_tip = [(ChargeKind::Duty, "", 425), (ChargeKind::Tip, "", 200)];
    assert_eq!(charges, [&[(ChargeKind::Shipping, "", 350), fee], &duty_and_tip[..]].concat());
    let vat = TaxLine { title: "VAT".into(), rate_ppm: 88_750, amount_minor: 82 };
    assert_eq!(order.lines[0].taxes, [vat, TaxLine { amount_minor: 1, ..TaxLine::default() }]);
    assert!(order.prices_include_tax);
    assert_eq!(order.customer.unwrap().customer_id, "12");
    assert_eq!(order.service_level, i32::from(ServiceLevel::FirstClass));
    assert_eq!(order.tenders[0].amount_minor, 1900);
}

#[test]
fn what_is_missing_stays_missing() {
    let order = read(BARE.as_bytes()).unwrap();
    assert_eq!((order.customer, order.ship_to, order.tenders), (None, None, Vec::new()));
    assert_eq!((order.lines.len(), order.currency.as_str(), order.placed_at), (0, "", None));
}

#[test]
fn only_a_signed_total_is_the_truth() {
    let order = read(br#"{"shop": "north", "shop_order_id": 7, "shipping": "1.00", "total": "1.01"}"#);
    assert_eq!(order.unwrap().charges.len(), 1);
}

#[test]
fn a_wrong_charge_or_tax_is_named() {
    for (json, field) in [
        (r#"{"charges": [{"kind": "shipping", "amount": "1"}]}"#, "charges[0].kind"),
        (r#"{"charges": [{"kind": "rounding", "amount": "1"}]}"#, "charges[0].kind"),
        (r#"{"charges": [{"amount": "1"}]}"#, "charges[0].kind"),
        (r#"{"charges": [{"kind": "tip"}]}"#, "charges[0].amount"),
        (r#"{"lines": [{"quantity": 1, "total": "1", "taxes": [{}]}]}"#, "lines[0].taxes[0].amount"),
        (
            r#"{"lines": [{"quantity": 1, "total": "1", "taxes": [{"rate_percent": -1, "amount": "1"}]}]}"#,
            "lines[0].taxes[0].rate_percent",
        ),
    ] {
        let body = json.replacen('{', r#"{"shop": "north", "shop_order_id": 7, "total": "0", "#, 1);
        assert_eq!(read(body.as_bytes()).unwrap_err().field, field, "{json}");
    }
}

#[test]
fn a_misspelt_name_is_refused() {
    let invalid = read(br#"{"shop": "north", "lines": [{"qty": 1}]}"#).unwrap_err();
    assert_eq!(invalid.field, "lines[0].qty");
}

#[test]
fn everything_that_a_shop_knows_is_read() {
    let order = read(example().to_string().as_bytes()).unwrap();
    assert_eq!(
        (&*order.number, &*order.buyer_tax_id, &*order.note),
        ("#1001", "CHE-123.456.789 MWST", "Ring twice")
    );
    assert_eq!((order.is_gift, &*order.source, order.is_test), (true, "web", false));
    assert_eq!((order.discount_codes, order.tags), (vec!["SPRING".to_owned()], vec!["wholesale".to_owned()]));
    assert_eq!(order.updated_at.unwrap().to_string(), "2026-03-01T10:05:00Z");
    let customer = order.customer.unwrap();
    let marketing = customer.marketing.unwrap();
    assert_eq!(
        (&*customer.phone, &*customer.locale, &*marketing.state),
        ("+1 555 0100", "de-CH", "subscribed")
    );
    assert_eq!(order.bill_to.unwrap().country, "US", "by its name");
    let [line, set] = order.lines.as_slice() else { panic!("{:?}", order.lines) };
    assert_eq!((line.fulfilment(), line.unit_price_minor, line.discount_minor), (Fulfilment::Ours, 550, 100));
    assert_eq!((&*line.shop_line_id, &*line.product_id, &*line.variant_id), ("301", "901", "7"));
    assert_eq!((line.weight_grams, line.bundle, set.fulfilment()), (400, 2, Fulfilment::None));
}

#[test]
fn a_line_of_which_more_is_removed_than_there_is_is_refused() {
    for (line, field) in [
        (r#""removed": 2"#, "lines[0].removed"),
        (r#""removed": -1"#, "lines[0].removed"),
        (r#""bundle": 1"#, "lines[0].bundle"),
        (r#""bundle": 2"#, "lines[0].bundle"),
        (r#""fulfilment": "drone""#, "lines[0].fulfilment"),
    ] {
        let body = format!(
            r#"{{"shop": "a", "shop_order_id": 1, "total": "1", "lines": [{{"quantity": 1, "total": "1", {line}}}]}}"#
        );
        assert_eq!(read(body.as_bytes()).unwrap_err().field, field, "{line}");
    }
}
