//! Webhooks of shops with one thing wrong.

use serde_json::{Value, json};

use super::Expected::{Accepted, Case, Kept, Nothing};
use super::{Row, change};
use crate::fixture::{Request, SHOPIFY_SAMPLE, WOOCOMMERCE_SAMPLE, shopify, woocommerce};

/// Returns Shopify's sample, with a total that adds up, and one change.
fn shopify_with(id: u64, pointer: &str, to: Option<Value>) -> Request {
    let mut body: Value = serde_json::from_str(SHOPIFY_SAMPLE).expect("the sample is JSON");
    change(&mut body, "/id", Some(json!(id)));
    change(&mut body, "/total_price", Some(json!("608.94")));
    change(&mut body, pointer, to);
    shopify(body.to_string())
}

/// Returns WooCommerce's sample, with a SKU for its first line, and one change.
fn woocommerce_with(id: u64, pointer: &str, to: Option<Value>) -> Request {
    let mut body: Value = serde_json::from_str(WOOCOMMERCE_SAMPLE).expect("the sample is JSON");
    change(&mut body, "/id", Some(json!(id)));
    change(&mut body, "/line_items/0/sku", Some(json!("Foo1")));
    change(&mut body, pointer, to);
    woocommerce(body.to_string())
}

pub(super) fn orders() -> Vec<Row> {
    let text = |text: &str| Some(json!(text));
    let null = || Some(Value::Null);
    let woo = |topic| woocommerce_with(2, "/id", Some(json!(2))).with("x-wc-webhook-topic", topic);
    vec![
        (
            "shopify: an older order that is still to be sent",
            shopify_with(1, "/id", Some(json!(1))).with("x-shopify-topic", "orders/updated"),
            Accepted,
        ),
        ("shopify: no id", shopify_with(1, "/id", None), Kept("id: ")),
        ("shopify: negative id", shopify_with(1, "/id", Some(json!(-1))), Kept("id: ")),
        ("shopify: no total", shopify_with(1, "/total_price", None), Kept("total_price: ")),
        (
            "shopify: free",
            shopify_with(1, "/line_items/1/price", text("free")),
            Kept("line_items[1].price: "),
        ),
        (
            "shopify: beyond all prices",
            shopify_with(1, "/line_items/0/quantity", Some(json!(i64::MAX))),
            Kept("line_items[0].price: "),
        ),
        (
            "shopify: no quantity",
            shopify_with(1, "/line_items/2/quantity", null()),
            Kept("line_items[2].quantity: "),
        ),
        ("shopify: lines in words", shopify_with(1, "/line_items", text("three")), Kept("line_items: ")),
        ("shopify: some time", shopify_with(1, "/created_at", text("soon")), Kept("created_at: ")),
        (
            "shopify: odd attributes",
            shopify_with(1, "/note_attributes", Some(json!(["x"]))),
            Kept("note_attributes[0]: "),
        ),
        ("shopify: no address", shopify_with(10, "/shipping_address", null()), Case("address-missing")),
        ("shopify: null customer", shopify_with(11, "/customer", null()), Accepted),
        ("shopify: null SKU", shopify_with(12, "/line_items/0/sku", null()), Case("sku-missing")),
        ("shopify: unknown currency", shopify_with(13, "/currency", text("ZZZ")), Case("currency-unknown")),
        ("shopify: no lines", shopify_with(14, "/line_items", Some(json!([]))), Case("lines-missing")),
        ("shopify: does not add up", shopify(SHOPIFY_SAMPLE), Case("totals-mismatch")),
        ("shopify: odd values", shopify_with(15, "/note_attributes", Some(json!([{"value": {}}]))), Accepted),
        ("shopify: no topic", shopify_with(16, "/tags", text("x")).without("x-shopify-topic"), Accepted),
        ("woocommerce: a deletion", woo("order.deleted"), Nothing),
        ("woocommerce: a product", woo("product.updated"), Nothing),
        ("woocommerce: an older order", woo("order.updated"), Nothing),
        ("woocommerce: no id", woocommerce_with(1, "/id", null()), Kept("id: ")),
        ("woocommerce: no total", woocommerce_with(1, "/total", None), Kept("total: ")),
        ("woocommerce: total is a float", woocommerce_with(1, "/total", Some(json!(29.35))), Kept("total: ")),
        (
            "woocommerce: no line total",
            woocommerce_with(1, "/line_items/1/total", None),
            Kept("line_items[1].total: "),
        ),
        (
            "woocommerce: some time",
            woocommerce_with(1, "/date_created_gmt", text("soon")),
            Kept("date_created_gmt: "),
        ),
        ("woocommerce: billed to text", woocommerce_with(1, "/billing", text("me")), Kept("billing: ")),
        ("woocommerce: an empty SKU", woocommerce(WOOCOMMERCE_SAMPLE), Case("sku-missing")),
        ("woocommerce: a cent off", woocommerce_with(17, "/total", text("29.36")), Accepted),
        ("woocommerce: a dollar off", woocommerce_with(18, "/total", text("30.35")), Case("totals-mismatch")),
        ("woocommerce: no address", woocommerce_with(10, "/shipping", None), Case("address-missing")),
        ("woocommerce: nobody", woocommerce_with(11, "/billing", null()), Accepted),
        ("woocommerce: no e-mail", woocommerce_with(12, "/billing/email", text("")), Accepted),
        (
            "woocommerce: unknown currency",
            woocommerce_with(13, "/currency", text("BTC")),
            Case("currency-unknown"),
        ),
        ("woocommerce: complete", woocommerce_with(14, "/customer_note", text("x")), Accepted),
        ("woocommerce: a ping", Request::new("POST", "/webhooks/woocommerce").body("webhook_id=7"), Nothing),
    ]
}
