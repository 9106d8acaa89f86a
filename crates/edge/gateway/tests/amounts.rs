//! Amounts of orders as shops send them: each order adds up, and `orders` accepts it.

use despatch_contracts::order::ChargeKind::{Duty, Fee, Rounding, Shipping, Tip};
use despatch_contracts::order::{ChargeKind, Order, TaxLine};
use despatch_gateway::{shopify, woocommerce};
use despatch_orders::validate;
use serde_json::{Value, json};

const WOO_TAX_ROUNDING: &str = include_str!("cases/09-woo-tax-rounding.json");
const SHOPIFY_TIP: &str = include_str!("cases/12-shopify-tip.json");
const SHOPIFY_DUTIES: &str = include_str!("cases/13-shopify-duties.json");
const WOO_NEGATIVE_FEE: &str = include_str!("cases/31-woo-negative-fee.json");
const SHOPIFY_FREE_ORDER: &str = include_str!("cases/32-shopify-free-order.json");

/// Returns a case with these values at these JSON pointers, which may be new.
fn changed<const N: usize>(case: &str, changes: [(&str, Value); N]) -> Value {
    let mut body: Value = serde_json::from_str(case).expect("a case is JSON");
    for (pointer, to) in changes {
        let (parent, name) = pointer.rsplit_once('/').expect("a pointer below the root");
        match body.pointer_mut(parent).expect("a place in the case") {
            Value::Array(items) => items.insert(name.parse().expect("an index"), to),
            parent => parent[name] = to,
        }
    }
    body
}

/// Reads an order by the reader of the case's shop.
fn read(body: &Value) -> Order {
    let bytes = body.to_string();
    let order = match body["admin_graphql_api_id"] {
        Value::Null => woocommerce::read(bytes.as_bytes(), "south"),
        _ => shopify::read(bytes.as_bytes(), "north"),
    };
    order.expect("the order is read")
}

/// Reads an order that must add up.
fn accepted(body: &Value) -> Order {
    let order = read(body);
    assert_eq!(order.parts_minor(), i128::from(order.total_minor), "{order:?}");
    assert_eq!(validate(&order), Ok(()), "{order:?}");
    order
}

/// The error of an order that `orders` does not accept.
fn refused(body: &Value) -> String {
    validate(&read(body)).expect_err("a wrong order").to_string()
}

fn charges(order: &Order) -> Vec<(ChargeKind, &str, i64)> {
    order.charges.iter().map(|it| (it.kind(), &*it.title, it.amount_minor)).collect()
}

/// The number, SKU and minor units of each line.
fn lines(order: &Order) -> Vec<(u32, &str, i64)> {
    order.lines.iter().map(|line| (line.number, &*line.sku, line.total_minor)).collect()
}

#[test]
fn a_shop_s_total_is_right_within_its_rounding() {
    let order = accepted(&changed(WOO_TAX_ROUNDING, []));
    assert_eq!(lines(&order), [(1, "FUR-BO-10001798", 2046)]);
    assert_eq!(charges(&order), [(Shipping, "Flat rate", 488), (Rounding, "", -1)]);
    let tax = |amount_minor| TaxLine { title: "Tax".into(), rate_ppm: 120_000, amount_minor };
    assert_eq!((&*order.lines[0].taxes, &*order.charges[0].taxes), (&[tax(246)][..], &[tax(59)][..]));
    assert_eq!((order.tax_minor, order.discount_minor, order.total_minor), (305, 0, 2838));
}

#[test]
fn a_cent_beyond_the_rounding_is_a_mismatch() {
    // Five parts are rounded: a line and its tax, a charge and its tax, the order's tax. They are 28.39.
    for (total, rounding) in [("28.44", 5), ("28.34", -5)] {
        let order = accepted(&changed(WOO_TAX_ROUNDING, [("/total", json!(total))]));
        assert_eq!(charges(&order)[1..], [(Rounding, "", rounding)], "{total}");
    }
    for total in ["28.45", "28.33"] {
        let error = refused(&changed(WOO_TAX_ROUNDING, [("/total", json!(total))]));
        assert!(error.ends_with("but the amounts add up to 2839"), "{error}");
    }
}

#[test]
fn prices_that_include_tax_add_up_at_both_shops() {
    // WooCommerce takes the tax out of 22.99 and 4.99, and rounds each part.
    let order = accepted(&changed(
        WOO_TAX_ROUNDING,
        [
            ("/prices_include_tax", json!(true)),
            ("/line_items/0/total", json!("20.53")),
            ("/line_items/0/total_tax", json!("2.46")),
            ("/shipping_lines/0/total", json!("4.46")),
            ("/shipping_lines/0/total_tax", json!("0.54")),
            ("/shipping_total", json!("4.46")),
            ("/total_tax", json!("3.00")),
            ("/total", json!("27.98")),
        ],
    ));
    assert_eq!((order.prices_include_tax, order.tax_minor), (true, 300));
    assert_eq!(charges(&order), [(Shipping, "Flat rate", 446), (Rounding, "", -1)]);

    // Shopify's amounts contain the tax, so its rounding is in no sum.
    let vat = json!([{"title": "VAT", "price": "16.67", "rate": 0.2}]);
    let inclusive = |total: &str| {
        changed(
            SHOPIFY_DUTIES,
            [
                ("/taxes_included", json!(true)),
                ("/line_items/0/tax_lines", vat.clone()),
                ("/total_price", json!(total)),
            ],
        )
    };
    let order = accepted(&inclusive("123.40"));
    assert_eq!((order.prices_include_tax, order.tax_minor), (true, 0));
    let tax = TaxLine { title: "VAT".into(), rate_ppm: 200_000, amount_minor: 1667 };
    assert_eq!(order.lines[0].taxes, [tax]);
    assert_eq!(charges(&order), [(Shipping, "Standard", 500), (Duty, "", 1840)]);
    // Three parts: a line and two charges.
    assert_eq!(charges(&accepted(&inclusive("123.43")))[2..], [(Rounding, "", 3)]);
    assert!(refused(&inclusive("123.44")).contains("expected a total of 12344 minor units"));
}

#[test]
fn a_tip_is_a_charge_and_nothing_to_pick() {
    let case = changed(SHOPIFY_TIP, []);
    let order = accepted(&case);
    assert_eq!(lines(&order), [(1, "FUR-BO-10001798", 10_000)]);
    assert_eq!(charges(&order), [(Shipping, "Standard", 500), (Tip, "Tip", 500)]);

    // The mark is lost, the title is in another language, and the tip comes first.
    let mut tip = case["line_items"][1].clone();
    let item = tip.as_object_mut().expect("an item");
    item.retain(|name, _| !name.starts_with("tip_"));
    item["title"] = json!("Trinkgeld");
    item["name"] = json!("Trinkgeld");
    let mut unmarked = case.clone();
    unmarked["line_items"] = json!([tip, case["line_items"][0]]);
    let order = accepted(&unmarked);
    assert_eq!(lines(&order), [(1, "FUR-BO-10001798", 10_000)]);
    assert_eq!(charges(&order)[1..], [(Tip, "Trinkgeld", 500)]);

    // Only the field says it.
    let mut field = case.clone();
    field["line_items"].as_array_mut().expect("items").pop();
    let order = accepted(&field);
    assert_eq!(lines(&order), [(1, "FUR-BO-10001798", 10_000)]);
    assert_eq!(charges(&order)[1..], [(Tip, "", 500)]);
}

#[test]
fn duties_are_charged_once_and_are_no_tax() {
    let order = accepted(&changed(SHOPIFY_DUTIES, []));
    assert_eq!(lines(&order), [(1, "FUR-BO-10001798", 10_000)]);
    assert_eq!(charges(&order), [(Shipping, "Standard", 500), (Duty, "", 1840)]);
    assert_eq!((order.tax_minor, order.total_minor), (2000, 14_340));

    // Only the lines say it.
    let lines_only = changed(
        SHOPIFY_DUTIES,
        [("/original_total_duties_set", Value::Null), ("/current_total_duties_set", Value::Null)],
    );
    assert_eq!(charges(&accepted(&lines_only))[1..], [(Duty, "", 1840)]);

    // Prices include them.
    let included =
        changed(SHOPIFY_DUTIES, [("/duties_included", json!(true)), ("/total_price", json!("125.00"))]);
    assert_eq!(charges(&accepted(&included)), [(Shipping, "Standard", 500)]);

    // The tax holds them.
    let in_tax = changed(SHOPIFY_DUTIES, [("/total_tax", json!("38.40"))]);
    assert_eq!(charges(&accepted(&in_tax)), [(Shipping, "Standard", 500)]);

    // Fees of the border are neither.
    let fees = json!({"shop_money": {"amount": "3.00", "currency_code": "USD"}});
    let with_fees = changed(
        SHOPIFY_DUTIES,
        [("/original_total_additional_fees_set", fees), ("/total_price", json!("146.40"))],
    );
    assert_eq!(
        charges(&accepted(&with_fees)),
        [(Shipping, "Standard", 500), (Fee, "", 300), (Duty, "", 1840)]
    );
}

#[test]
fn a_negative_fee_takes_something_off() {
    let order = accepted(&changed(WOO_NEGATIVE_FEE, []));
    assert_eq!(lines(&order), [(1, "FUR-BO-10001798", 3700)]);
    assert_eq!(charges(&order), [(Shipping, "Flat rate", 500), (Fee, "Voucher", -1500)]);
    assert_eq!((order.discount_minor, order.total_minor), (0, 2700));
}

#[test]
fn a_free_order_adds_up() {
    let order = accepted(&changed(SHOPIFY_FREE_ORDER, []));
    assert_eq!(lines(&order), [(1, "FUR-BO-10001798", 0)]);
    assert_eq!(charges(&order), [(Shipping, "Standard", 500)]);
    assert_eq!((order.discount_minor, order.total_minor), (500, 0));
}

#[test]
fn each_shipping_line_is_a_charge() {
    let shopify = changed(
        SHOPIFY_DUTIES,
        [
            ("/shipping_lines/0", json!({"title": "Bulky", "price": "7.25"})),
            ("/total_price", json!("150.65")),
        ],
    );
    assert_eq!(charges(&accepted(&shopify))[..2], [(Shipping, "Bulky", 725), (Shipping, "Standard", 500)]);
    let woocommerce = changed(
        WOO_TAX_ROUNDING,
        [
            ("/shipping_lines/0", json!({"method_title": "Bulky", "total": "7.25", "total_tax": "0.87"})),
            ("/shipping_total", json!("12.13")),
            ("/total_tax", json!("3.92")),
            ("/total", json!("36.50")),
        ],
    );
    let expected = [(Shipping, "Bulky", 725), (Shipping, "Flat rate", 488), (Rounding, "", -1)];
    assert_eq!(charges(&accepted(&woocommerce)), expected);
}

#[test]
fn a_yen_is_a_minor_unit() {
    let order = accepted(&changed(
        WOO_TAX_ROUNDING,
        [
            ("/currency", json!("JPY")),
            ("/line_items/0/total", json!("2046")),
            ("/line_items/0/total_tax", json!("204.6")),
            ("/shipping_lines/0/total", json!("488")),
            ("/shipping_lines/0/total_tax", json!("48.8")),
            ("/shipping_total", json!("488")),
            ("/total_tax", json!("253")),
            ("/total", json!("2788")),
        ],
    ));
    assert_eq!(charges(&order), [(Shipping, "Flat rate", 488), (Rounding, "", 1)]);
    assert_eq!(order.lines[0].taxes[0].amount_minor, 205);
    let far = changed(WOO_TAX_ROUNDING, [("/currency", json!("JPY"))]);
    assert!(woocommerce::read(far.to_string().as_bytes(), "south").is_err(), "cents of a yen");
}
