//! Further inputs of the kinds in `tests/cases`, each a variation of one of its files.

use despatch_contracts::order::Fulfilment::{Digital, None as Container, OtherService, Ours, Pickup};
use serde_json::{Value, json};

use super::{BOOKCASE, CHAIR, End, Row, file, ours, request};
use crate::fixture::woocommerce;

/// A paid order of one bookcase: 100.00 and 5.00 for shipping.
const SHOPIFY: (&str, &str) = file!("40-shopify-paid-by-shopify-payments");
/// An order of a bookcase and a chair for 30.00, unpaid.
const SHOPIFY_TWO: (&str, &str) = file!("07-shopify-line-of-another-fulfilment-service");
/// A paid order of one bookcase: 37.00 and 5.00 for shipping.
const WOO: (&str, &str) = file!("43-woo-paid-through-paypal-plugin");
/// An order of a bookcase and a chair for 37.00 each, refunded in part.
const WOO_TWO: (&str, &str) = file!("25-woo-refunded-before-sent");
const API: (&str, &str) = file!("21-api-kosovo");

type Changes = Vec<(&'static str, Value)>;

/// Returns the body with these values at these pointers, which may be new, under this number.
fn changed((_, body): (&str, &str), number: usize, changes: Changes) -> Value {
    let mut body: Value = serde_json::from_str(body).unwrap();
    let id = if body["shop_order_id"].is_null() { "id" } else { "shop_order_id" };
    body[id] = json!(900_000 + number);
    for (pointer, to) in changes {
        let (parent, name) = pointer.rsplit_once('/').unwrap();
        match body.pointer_mut(parent).unwrap() {
            Value::Array(items) => items[name.parse::<usize>().unwrap()] = to,
            parent => parent[name] = to,
        }
    }
    body
}

fn two(first: i64, second: i64, total: i64) -> End {
    End::Goes(vec![(BOOKCASE, Ours, first), (CHAIR, Ours, second)], total)
}

fn one(way: despatch_contracts::order::Fulfilment, total: i64) -> End {
    End::Goes(vec![(BOOKCASE, way, 1)], total)
}

#[allow(clippy::too_many_lines, reason = "a table")]
fn of_shopify() -> Vec<(&'static str, (&'static str, &'static str), Changes, End)> {
    let line = "/line_items/0";
    let sent = |status: &str, open: i64| {
        vec![
            ("/line_items/0/quantity", json!(2)),
            ("/line_items/0/current_quantity", json!(2)),
            ("/line_items/0/fulfillable_quantity", json!(open)),
            ("/line_items/0/fulfillment_status", json!(status)),
            ("/total_price", json!("205.00")),
        ]
    };
    let address = |changes: Value| {
        let mut address: Value =
            serde_json::from_str::<Value>(SHOPIFY.1).unwrap()["shipping_address"].clone();
        for (name, value) in changes.as_object().unwrap() {
            address[name] = value.clone();
        }
        vec![("/shipping_address", address)]
    };
    let manual = || ("/line_items/1/fulfillment_service", json!("manual"));
    let method = |title: &str, price: &str| {
        ("/shipping_lines", json!([{"title": title, "code": title, "price": price, "source": "shopify"}]))
    };
    vec![
        (
            "edited: one of three taken off",
            SHOPIFY,
            vec![
                ("/line_items/0/quantity", json!(3)),
                ("/line_items/0/current_quantity", json!(2)),
                ("/total_price", json!("305.00")),
                ("/current_total_price", json!("205.00")),
                ("/current_total_tax", json!("0.00")),
                ("/current_total_discounts", json!("0.00")),
            ],
            End::Goes(vec![(BOOKCASE, Ours, 2)], 20_500),
        ),
        (
            "edited: a line taken off, and the shop says no current total",
            SHOPIFY_TWO,
            vec![
                manual(),
                ("/line_items/1/current_quantity", json!(0)),
                ("/financial_status", json!("paid")),
            ],
            two(1, 0, 10_500),
        ),
        (
            "refunded for goodwill before",
            SHOPIFY,
            vec![
                ("/financial_status", json!("partially_refunded")),
                ("/current_total_price", json!("95.00")),
                ("/refunds", json!([{"id": 1, "refund_line_items": []}])),
            ],
            ours(9500),
        ),
        ("refunded in whole", SHOPIFY, vec![("/financial_status", json!("refunded"))], End::Nothing),
        ("voided", SHOPIFY, vec![("/financial_status", json!("voided"))], End::Nothing),
        ("cancelled", SHOPIFY, vec![("/cancelled_at", json!("2026-03-02T09:20:00-05:00"))], End::Nothing),
        ("made to try the shop", SHOPIFY, vec![("/test", json!(true))], End::Nothing),
        (
            "partly sent",
            SHOPIFY,
            sent("partial", 1),
            End::Goes(vec![(BOOKCASE, Ours, 1), (BOOKCASE, OtherService, 1)], 20_500),
        ),
        (
            "sold over the counter",
            SHOPIFY,
            {
                let mut sold = sent("fulfilled", 0);
                sold.extend([("/shipping_address", Value::Null), ("/source_name", json!("pos"))]);
                sold
            },
            End::Goes(vec![(BOOKCASE, OtherService, 2)], 20_500),
        ),
        (
            "a download alone",
            SHOPIFY,
            vec![
                ("/line_items/0/requires_shipping", json!(false)),
                ("/line_items/0/sku", Value::Null),
                ("/shipping_address", Value::Null),
            ],
            End::Goes(vec![("", Digital, 1)], 10_500),
        ),
        (
            "a service that somebody typed in",
            SHOPIFY_TWO,
            vec![
                manual(),
                ("/line_items/1/sku", json!("")),
                ("/line_items/1/product_id", Value::Null),
                ("/line_items/1/requires_shipping", json!(false)),
            ],
            End::Goes(vec![(BOOKCASE, Ours, 1), ("", Digital, 1)], 13_500),
        ),
        (
            "collected, by a rate of the shop's own",
            SHOPIFY,
            vec![method("Local Pickup", "5.00")],
            one(Pickup, 10_500),
        ),
        (
            "collected, as the checkout says",
            SHOPIFY,
            vec![
                ("/shipping_lines/0/delivery_category", json!("pickup")),
                ("/shipping_address", Value::Null),
            ],
            one(Pickup, 10_500),
        ),
        ("sent to a carrier's point", SHOPIFY, vec![method("Pickup point", "5.00")], ours(10_500)),
        (
            "free shipping to nowhere",
            SHOPIFY,
            vec![
                method("Free Shipping", "0.00"),
                ("/shipping_address", Value::Null),
                ("/total_price", json!("100.00")),
            ],
            End::Case("address-missing"),
        ),
        (
            "shipping that was taken off",
            SHOPIFY,
            vec![("/shipping_lines/0/is_removed", json!(true)), ("/total_price", json!("100.00"))],
            ours(10_000),
        ),
        (
            "a country by its name",
            SHOPIFY,
            address(json!({"country_code": null, "country": "Germany"})),
            ours(10_500),
        ),
        (
            "a country in its own language",
            SHOPIFY,
            address(json!({"country_code": "", "country": "\u{d6}sterreich"})),
            ours(10_500),
        ),
        (
            "a country that nobody knows",
            SHOPIFY,
            address(json!({"country_code": null, "country": "Freedonia"})),
            End::Case("address-incomplete"),
        ),
        (
            "a parcel without a name",
            SHOPIFY,
            address(json!({"name": null, "first_name": "", "last_name": null})),
            ours(10_500),
        ),
        ("two dots in the mailbox", SHOPIFY, vec![("/email", json!("two..dots@example.com"))], ours(10_500)),
        (
            "nobody to write to",
            SHOPIFY,
            vec![("/email", json!("")), ("/contact_email", Value::Null), ("/customer", Value::Null)],
            ours(10_500),
        ),
        (
            "no word of the fulfilment",
            SHOPIFY,
            vec![("/line_items/0/fulfillment_service", Value::Null)],
            ours(10_500),
        ),
        ("an item that is only a text", SHOPIFY, vec![(line, json!("Article 1"))], End::Unreadable),
        ("no total", SHOPIFY, vec![("/total_price", Value::Null)], End::Unreadable),
    ]
}

#[allow(clippy::too_many_lines, reason = "a table")]
fn of_woocommerce() -> Vec<(&'static str, (&'static str, &'static str), Changes, End)> {
    let meta = |key: &str, value: &str| json!([{"key": key, "value": value}]);
    let empty = json!({"first_name": "", "last_name": "", "company": "", "address_1": "", "address_2": "",
                       "city": "", "state": "", "postcode": "", "country": "", "phone": ""});
    let refunded = |refund: Value| ("/refunds", json!([refund]));
    let chair_for = |total: &'static str, all: &'static str| {
        vec![
            ("/line_items/1/total", json!(total)),
            ("/line_items/1/subtotal", json!(total)),
            ("/total", json!(all)),
        ]
    };
    let with = |mut changes: Changes, more: (&'static str, Value)| {
        changes.push(more);
        changes
    };
    vec![
        ("a number of units as text", WOO, vec![("/line_items/0/quantity", json!("1"))], ours(4200)),
        ("a number of units with a point", WOO, vec![("/line_items/0/quantity", json!(1.0))], ours(4200)),
        ("one and a half units", WOO, vec![("/line_items/0/quantity", json!(1.5))], End::Unreadable),
        ("a total with a comma", WOO, vec![("/total", json!("1,042.00"))], End::Unreadable),
        ("a total beyond the cent", WOO, vec![("/total", json!("42.0001"))], End::Unreadable),
        ("failed", WOO, vec![("/status", json!("failed")), ("/payment_method", json!("stripe"))], End::Waits),
        ("a draft of the checkout", WOO, vec![("/status", json!("checkout-draft"))], End::Nothing),
        ("cancelled", WOO, vec![("/status", json!("cancelled"))], End::Nothing),
        ("in the trash", WOO, vec![("/status", json!("trash"))], End::Nothing),
        (
            "in cash when it comes",
            WOO,
            vec![("/payment_method", json!("cod")), ("/transaction_id", json!(""))],
            ours(4200),
        ),
        (
            "collected at a place of the checkout's blocks",
            WOO,
            vec![("/shipping_lines/0/method_id", json!("pickup_location"))],
            one(Pickup, 4200),
        ),
        (
            "collected, and no address",
            WOO,
            vec![("/shipping_lines/0/method_id", json!("local_pickup:7")), ("/shipping", empty.clone())],
            one(Pickup, 4200),
        ),
        (
            "virtual, and no address",
            WOO,
            vec![("/line_items/0/virtual", json!(true)), ("/shipping", empty.clone())],
            one(Digital, 4200),
        ),
        (
            "a bundle by its meta data",
            WOO_TWO,
            vec![
                ("/refunds", json!([])),
                ("/line_items/0/meta_data", meta("_bundle_cart_key", "k")),
                ("/line_items/1/meta_data", meta("_bundled_by", "k")),
            ],
            End::Goes(vec![(BOOKCASE, Container, 1), (CHAIR, Ours, 1)], 7900),
        ),
        (
            "a composite product",
            WOO_TWO,
            vec![("/refunds", json!([])), ("/line_items/1/composite_parent", json!("301"))],
            End::Goes(vec![(BOOKCASE, Container, 1), (CHAIR, Ours, 1)], 7900),
        ),
        (
            "refunded, with its units",
            WOO_TWO,
            vec![refunded(json!({"id": 1, "total": "-37.00", "line_items": [
                {"quantity": -1, "meta_data": [{"key": "_refunded_item_id", "value": "302"}]}]}))],
            two(1, 0, 4200),
        ),
        (
            "refunded, and only one line costs this much",
            WOO_TWO,
            with(chair_for("30.00", "72.00"), refunded(json!({"id": 1, "total": "-30.00"}))),
            two(1, 0, 4200),
        ),
        ("the shipping refunded", WOO, vec![refunded(json!({"id": 1, "total": "-5.00"}))], ours(3700)),
        (
            "refunded for goodwill, or for what else",
            WOO,
            vec![refunded(json!({"id": 1, "total": "-4.00"}))],
            End::Case("refund-unclear"),
        ),
        (
            "a name for the bill only",
            WOO,
            vec![("/shipping/first_name", json!("")), ("/shipping/last_name", json!(""))],
            ours(4200),
        ),
        (
            "PHP's empty object",
            WOO,
            vec![("/meta_data", json!([])), ("/refunds", json!({}))],
            End::Unreadable,
        ),
        ("a country in lower case", WOO, vec![("/shipping/country", json!("us"))], ours(4200)),
        ("no SKU", WOO, vec![("/line_items/0/sku", Value::Null)], End::Case("sku-missing")),
        ("a currency of its own", WOO, vec![("/currency", json!("BTC"))], End::Case("currency-unknown")),
        (
            "entities in a name",
            WOO,
            vec![("/shipping/first_name", json!("Ben &amp; Jerry&#8217;s"))],
            ours(4200),
        ),
    ]
}

fn of_the_api() -> Vec<(&'static str, (&'static str, &'static str), Changes, End)> {
    vec![
        ("Kosovo by its name", API, vec![("/ship_to/country", json!("Kosovo"))], ours(4200)),
        ("a code of three letters", API, vec![("/ship_to/country", json!("deu"))], ours(4200)),
        (
            "a phone number only",
            API,
            vec![("/customer", json!({"name": "Ann", "phone": "+38300000000"}))],
            ours(4200),
        ),
        (
            "collected, and no address",
            API,
            vec![("/lines/0/fulfilment", json!("pickup")), ("/ship_to", Value::Null)],
            one(Pickup, 4200),
        ),
        (
            "a unit that no longer stands",
            API,
            vec![("/lines/0/quantity", json!(3)), ("/lines/0/removed", json!(2))],
            ours(4200),
        ),
        (
            "a company for a name",
            API,
            vec![
                ("/ship_to/name", json!("")),
                ("/customer/name", json!("")),
                ("/ship_to/company", json!("Quay Ltd")),
            ],
            ours(4200),
        ),
    ]
}

pub(super) fn rows() -> Vec<Row> {
    let mut rows = Vec::new();
    let all = of_shopify().into_iter().chain(of_woocommerce()).chain(of_the_api());
    for (number, (name, base, changes, end)) in all.enumerate() {
        rows.push((name.to_owned(), request(&changed(base, number, changes)), end));
    }
    // A plugin's warning before the JSON, a mark of the byte order, and half a body.
    for (name, body) in [
        ("a warning of PHP before the order", format!("<br />\n<b>Notice</b>: x in y.php\n{}", WOO.1)),
        ("a mark of the byte order", format!("\u{feff}{}", WOO.1)),
        ("half a body", WOO.1[..WOO.1.len() / 2].to_owned()),
    ] {
        rows.push((name.to_owned(), woocommerce(body), End::Unreadable));
    }
    rows
}
