//! Malformed commands about stock.

use serde_json::{Value, json};

use super::Expected::Refused;
use super::{Row, change};
use crate::fixture::Request;

/// Returns a command with one change.
fn with(method: &'static str, path: &str, mut body: Value, pointer: &str, to: Option<Value>) -> Request {
    change(&mut body, pointer, to);
    Request::new(method, path).trusted().body(body.to_string())
}

fn receipt(pointer: &str, to: Value) -> Request {
    let row = json!({ "sku": "A-1", "location": "main", "quantity": 3 });
    with("POST", "/v1/stock/receipts", json!({ "rows": [row] }), pointer, Some(to))
}

fn adjustment(pointer: &str, to: Value) -> Request {
    let row = json!({ "sku": "A-1", "location": "main", "change": 3, "reason": "found" });
    with("POST", "/v1/stock/adjustments", json!({ "rows": [row] }), pointer, Some(to))
}

fn count(pointer: &str, to: Value) -> Request {
    let row = json!({ "sku": "A-1", "location": "main", "counted": 3 });
    with("POST", "/v1/stock/counts", json!({ "rows": [row] }), pointer, Some(to))
}

fn transfer(pointer: &str, to: Value) -> Request {
    let row = json!({ "sku": "A-1", "from": "main", "to": "shop", "quantity": 3 });
    with("POST", "/v1/stock/transfers", json!({ "rows": [row] }), pointer, Some(to))
}

fn delivery(pointer: &str, to: Value) -> Request {
    let row = json!({ "sku": "A-1", "location": "main", "quantity": 3 });
    let body = json!({ "delivery": "PO-1", "due": "2026-12-03T12:00:00Z", "rows": [row] });
    with("POST", "/v1/stock/deliveries", body, pointer, Some(to))
}

fn article(pointer: &str, to: Value) -> Request {
    let body = json!({ "items": [{ "sku": "A-1", "barcodes": [{ "code": "4006381333931" }] }] });
    with("POST", "/v1/items", body, pointer, Some(to))
}

fn location(pointer: &str, to: Value) -> Request {
    with("PUT", "/v1/locations/main", json!({ "address": { "country": "DE" } }), pointer, Some(to))
}

pub(super) fn commands() -> Vec<Row> {
    let row = json!({ "sku": "A-1", "location": "main", "quantity": 3 });
    let many = |number: usize| json!(vec![row.clone(); number]);
    let long = "x".repeat(300);
    // 101 letters.
    let bytes = "é".repeat(101);
    let field = |field| Refused(400, field);
    let mut together = json!({ "all_or_nothing": true, "rows": many(1) });
    together["rows"] = many(10_001);
    let together = Request::new("POST", "/v1/stock/receipts").trusted().body(together.to_string());
    vec![
        ("stock without a key", receipt("/note", json!("")).without("authorization"), Refused(401, "")),
        ("stock list without a key", Request::new("GET", "/v1/stock"), Refused(401, "")),
        ("stock: no body", Request::new("POST", "/v1/stock/receipts").trusted(), field("body")),
        ("receipt: no rows", receipt("/rows", json!([])), field("rows")),
        ("receipt: rows null", receipt("/rows", json!(null)), field("rows")),
        ("receipt: too many rows", receipt("/rows", many(1001)), field("rows")),
        ("receipt: too many rows together", together, field("rows")),
        ("receipt: an unknown field", receipt("/rows/0/qty", json!(3)), field("rows[0].qty")),
        ("receipt: no units", receipt("/rows/0/quantity", json!(0)), field("rows[0].quantity")),
        ("receipt: fewer than none", receipt("/rows/0/quantity", json!(-3)), field("rows[0].quantity")),
        ("receipt: half a unit", receipt("/rows/0/quantity", json!(0.5)), field("rows[0].quantity")),
        ("receipt: units in words", receipt("/rows/0/quantity", json!("three")), field("rows[0].quantity")),
        (
            "receipt: a barcode",
            receipt("/rows/0/quantity", json!(4_006_381_333_931_i64)),
            field("rows[0].quantity"),
        ),
        ("receipt: units null", receipt("/rows/0/quantity", json!(null)), field("rows[0].quantity")),
        ("receipt: no SKU", receipt("/rows/0/sku", json!(" ")), field("rows[0].sku")),
        ("receipt: a long SKU", receipt("/rows/0/sku", json!(long)), field("rows[0].sku")),
        ("receipt: a SKU with U+0000", receipt("/rows/0/sku", json!("A\u{0}")), field("rows[0].sku")),
        ("receipt: no location", receipt("/rows/0/location", json!("")), field("rows[0].location")),
        ("receipt: a long row id", receipt("/rows/0/row_id", json!(long)), field("rows[0].row_id")),
        ("receipt: a row id of many bytes", receipt("/rows/0/row_id", json!(bytes)), field("rows[0].row_id")),
        ("receipt: a row id with a tab", receipt("/rows/0/row_id", json!("a\tb")), field("rows[0].row_id")),
        ("receipt: a SKU with a line break", receipt("/rows/0/sku", json!("A\n1")), field("rows[0].sku")),
        ("receipt: a long name", receipt("/receipt", json!(long)), field("receipt")),
        ("receipt: a request id with spaces", receipt("/request_id", json!("r 1")), field("request_id")),
        ("receipt: an unknown requester", receipt("/requested_by", json!("me")), field("requested_by")),
        ("receipt: a long note", receipt("/note", json!("x".repeat(501))), field("note")),
        ("adjustment: by nothing", adjustment("/rows/0/change", json!(0)), field("rows[0].change")),
        (
            "adjustment: the least number",
            adjustment("/rows/0/change", json!(i64::MIN)),
            field("rows[0].change"),
        ),
        (
            "adjustment: an unknown reason",
            adjustment("/rows/0/reason", json!("gone")),
            field("rows[0].reason"),
        ),
        ("count: fewer than none", count("/rows/0/counted", json!(-1)), field("rows[0].counted")),
        ("count: no time", count("/rows/0/seen_at", json!("yesterday")), field("rows[0].seen_at")),
        ("transfer: to itself", transfer("/rows/0/to", json!("main")), field("rows[0].to")),
        ("transfer: no target", transfer("/rows/0/to", json!("")), field("rows[0].to")),
        ("transfer: a name with slashes", transfer("/transfer", json!("a/b")), field("transfer")),
        (
            "arrival: a name with spaces",
            Request::new("POST", "/v1/stock/transfers/a%20b/arrivals").trusted().body("{}"),
            field("transfer"),
        ),
    ]
}

pub(super) fn deliveries_and_articles() -> Vec<Row> {
    let long = "x".repeat(300);
    // 101 letters.
    let bytes = "é".repeat(101);
    let field = |field| Refused(400, field);
    vec![
        ("delivery: no name", delivery("/delivery", json!("")), field("delivery")),
        ("delivery: a name of two lines", delivery("/delivery", json!("a\nb")), field("delivery")),
        ("delivery: a long name", delivery("/delivery", json!(long)), field("delivery")),
        ("delivery: due some day", delivery("/due", json!("tomorrow")), field("due")),
        ("delivery: a long supplier", delivery("/supplier", json!(long)), field("supplier")),
        ("delivery: a supplier of two lines", delivery("/supplier", json!("a\nb")), field("supplier")),
        ("delivery: a contact without a host", delivery("/contact", json!("acme")), field("contact")),
        ("delivery: fewer than none", delivery("/rows/0/quantity", json!(-1)), field("rows[0].quantity")),
        ("delivery: too many rows", delivery("/rows", json!(vec![json!({}); 1001])), field("rows")),
        (
            "end of a delivery: an unknown field",
            Request::new("POST", "/v1/stock/deliveries/PO-1/close").trusted().body(r#"{"rows": []}"#),
            field("rows"),
        ),
        ("article: days below none", article("/items/0/cover_days", json!(-1)), field("items[0].cover_days")),
        ("article: a title of many bytes", article("/items/0/title", json!(bytes)), field("items[0].title")),
        ("article: no weight", article("/items/0/grams", json!(0)), field("items[0].grams")),
        ("article: from nowhere", article("/items/0/origin", json!("Atlantis")), field("items[0].origin")),
        (
            "article: a value without currency",
            article("/items/0/value", json!("1.00")),
            field("items[0].currency"),
        ),
        (
            "article: an odd customs code",
            article("/items/0/customs_code", json!("12")),
            field("items[0].customs_code"),
        ),
        (
            "article: an empty barcode",
            article("/items/0/barcodes/0/code", json!("")),
            field("items[0].barcodes[0].code"),
        ),
        (
            "article: barcodes of no list",
            article("/items/0/barcodes", json!("1")),
            field("items[0].barcodes"),
        ),
        ("location: a name of many bytes", location("/name", json!(bytes)), field("name")),
        ("location: a town of many bytes", location("/address/city", json!(bytes)), field("address.city")),
        ("location: a shop without a name", location("/channels", json!([""])), field("channels[0]")),
        ("location: nowhere", location("/address/country", json!("QQ")), field("address.country")),
        ("location: no country", location("/address/country", json!("")), field("address.country")),
        ("location: an unknown zone", location("/zone", json!("Mars/Olympus")), field("zone")),
        ("location: handled", location("/mode", json!("handled")), field("mode")),
        (
            "location: an odd id",
            Request::new("PUT", "/v1/locations/a%2Fb").trusted().body("{}"),
            field("location_id"),
        ),
    ]
}
