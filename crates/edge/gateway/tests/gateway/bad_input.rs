//! Malformed webhooks and API calls, each with its expected answer. None is a 5xx, and everything answered with 2xx is
//! on the stream or a case.

mod of_shops;
mod of_stock;

use std::collections::BTreeSet;

use despatch_contracts::order::{OrderAccepted, OrderPlaced};
use despatch_contracts::runtime::DeadLetter;
use despatch_domain::link;
use despatch_testkit::TestEnv;
use prost::Message as _;
use serde_json::{Value, json};

use crate::fixture::{
    BODY_LIMIT, LINK_SECRET, Request, SHOPIFY_SAMPLE, TestGateway, WOOCOMMERCE_SAMPLE, order, place, shippo,
    shopify, signature, woocommerce,
};

/// The expected answer to a request.
#[derive(Clone, Copy)]
enum Expected {
    /// A status, and the field that the refusal names; empty if no field is wrong.
    Refused(u16, &'static str),
    /// A page with this status, which tells a customer what to do.
    Page(u16),
    /// Accepted, and made a case by orders, with this reason.
    Case(&'static str),
    /// Accepted by the gateway and by orders.
    Accepted,
    /// Answered with 200, without consequences.
    Nothing,
    /// Signed by a shop, and answered with 200, but unreadable: kept for a person, with this error.
    Kept(&'static str),
}
use Expected::{Accepted, Case, Kept, Nothing, Page, Refused};

type Row = (&'static str, Request, Expected);

/// Sets a pointer's value; `None` removes it.
fn change(body: &mut Value, pointer: &str, to: Option<Value>) {
    let (parent, name) = pointer.rsplit_once('/').expect("a pointer");
    let parent = body.pointer_mut(parent).expect("the parent is there");
    match (parent, to) {
        (Value::Object(members), Some(to)) => drop(members.insert(name.to_owned(), to)),
        (Value::Object(members), None) => drop(members.remove(name)),
        (parent, to) => parent[name.parse::<usize>().expect("an index")] = to.unwrap_or(Value::Null),
    }
}

/// Returns a valid order with one change.
fn ours(pointer: &str, to: Option<Value>) -> Request {
    let mut body = order("");
    change(&mut body, "/shop_order_id", Some(json!(format!("{pointer} = {to:?}"))));
    change(&mut body, pointer, to);
    place(&body)
}

/// Returns a scan of an unknown parcel, with one change.
fn scan_with(pointer: &str, to: Option<Value>) -> Request {
    let mut body = json!({"event": "track_updated", "data": {
        "carrier": "usps", "tracking_number": "9400", "metadata": "",
        "tracking_status": {"status": "PRE_TRANSIT", "status_date": "2026-03-01T10:00:00Z"}}});
    change(&mut body, pointer, to);
    shippo(&body)
}

fn get(path: &str) -> Request {
    Request::new("GET", path)
}

/// Returns an answer to a review request.
fn review(body: &str) -> Request {
    let path = format!("/reviews/o-1/{}", link::sign(LINK_SECRET.as_bytes(), "review", "o-1"));
    Request::new("POST", path).body(body)
}

fn senders_that_prove_nothing() -> Vec<Row> {
    let ours = || place(&order("1"));
    let shop = || shopify(SHOPIFY_SAMPLE);
    let woo = || woocommerce(WOOCOMMERCE_SAMPLE);
    let hmac = "x-shopify-hmac-sha256";
    let other = signature(b"another body");
    vec![
        ("no key", ours().without("authorization"), Refused(401, "")),
        ("a wrong key", ours().with("authorization", "Bearer guessed"), Refused(401, "")),
        ("no scheme", ours().with("authorization", "test-api-key"), Refused(401, "")),
        ("another scheme", ours().with("authorization", "Basic test-api-key"), Refused(401, "")),
        ("status without a key", get("/v1/orders/1"), Refused(401, "")),
        ("cancel without a key", Request::new("POST", "/v1/orders/1/cancel"), Refused(401, "")),
        ("label without a key", get("/labels/1"), Refused(401, "")),
        ("shopify: unsigned", shop().without(hmac), Refused(401, "")),
        ("shopify: signed for another body", shop().with(hmac, &other), Refused(401, "")),
        ("shopify: no base64", shop().with(hmac, "%%%"), Refused(401, "")),
        ("shopify: cut signature", shop().with(hmac, &signature(b"")[..20]), Refused(401, "")),
        (
            "shopify: unknown shop",
            shop().with("x-shopify-shop-domain", "east.myshopify.com"),
            Refused(401, ""),
        ),
        ("shopify: no shop", shop().without("x-shopify-shop-domain"), Refused(401, "")),
        ("woocommerce: unsigned", woo().without("x-wc-webhook-signature"), Refused(401, "")),
        ("woocommerce: wrong", woo().with("x-wc-webhook-signature", &other), Refused(401, "")),
        (
            "woocommerce: unknown shop",
            woo().with("x-wc-webhook-source", "https://e.example").with("x-wc-webhook-signature", &other),
            Refused(401, ""),
        ),
        (
            "woocommerce: no shop",
            woo().without("x-wc-webhook-source").with("x-wc-webhook-signature", &other),
            Refused(401, ""),
        ),
        ("shippo: no token", Request::new("POST", "/webhooks/shippo").body("{}"), Refused(401, "")),
        ("shippo: wrong", Request::new("POST", "/webhooks/shippo?token=x").body("{}"), Refused(401, "")),
        ("review: guessed", Request::new("POST", "/reviews/o-1/AAAA").body("rating=1"), Page(404)),
        ("unsubscribe: guessed", Request::new("POST", "/unsubscribe/o-1/AAAA"), Page(404)),
    ]
}

fn bodies_that_are_no_orders() -> Vec<Row> {
    let mut rows = Vec::new();
    let cut = &SHOPIFY_SAMPLE.as_bytes()[..1000];
    let large = format!("{{\"note\": \"{}\"}}", "x".repeat(BODY_LIMIT));
    let deep = "[".repeat(10_000);
    for (name, body, expected) in [
        ("nothing", &b""[..], Refused(400, "body")),
        ("a list", b"[]", Refused(400, "body")),
        ("text", b"\"order\"", Refused(400, "body")),
        ("null", b"null", Refused(400, "body")),
        ("no JSON", b"order=1", Refused(400, "body")),
        ("two values", b"{} {}", Refused(400, "body")),
        ("deep nesting", deep.as_bytes(), Refused(400, "body")),
        ("too much", large.as_bytes(), Refused(413, "")),
    ] {
        rows.push((name, Request::new("POST", "/v1/orders").trusted().body(body), expected));
        let kept = match expected {
            Refused(400, _) if body.is_empty() => Kept("expected a body, found none"),
            Refused(400, _) => Kept("body: body: "),
            other => other,
        };
        rows.extend([(name, shopify(body), kept), (name, woocommerce(body), kept)]);
    }
    rows.push(("shopify: cut", shopify(cut), Kept("user_id")));
    rows.push(("not UTF-8", shopify(&b"{\"email\": \"\xff\"}"[..]), Kept("id: is required")));
    rows
}

fn our_orders() -> Vec<Row> {
    let float = || Some(json!(19.5));
    let text = |text: &str| Some(json!(text));
    vec![
        ("a misspelt name", ours("/shop_oder_id", text("1")), Refused(400, "shop_oder_id")),
        ("a misspelt name in a line", ours("/lines/0/qty", Some(json!(1))), Refused(400, "lines[0].qty")),
        ("no shop", ours("/shop", None), Refused(400, "shop")),
        ("blank shop", ours("/shop", text("  ")), Refused(400, "shop")),
        ("shop is a number", ours("/shop", Some(json!(7))), Refused(400, "shop")),
        ("no shop order id", ours("/shop_order_id", None), Refused(400, "shop_order_id")),
        ("null shop order id", ours("/shop_order_id", Some(Value::Null)), Refused(400, "shop_order_id")),
        ("fractional id", ours("/shop_order_id", float()), Refused(400, "shop_order_id")),
        ("endless id", ours("/shop_order_id", text(&"9".repeat(201))), Refused(400, "shop_order_id")),
        ("U+0000 in the id", ours("/shop_order_id", text("1\0")), Refused(400, "shop_order_id")),
        ("U+0000 in a name", ours("/customer/name", text("Zo\0")), Refused(400, "customer.name")),
        ("no total", ours("/total", None), Refused(400, "total")),
        ("total is a float", ours("/total", float()), Refused(400, "total")),
        ("total in words", ours("/total", text("nineteen")), Refused(400, "total")),
        ("total with a comma", ours("/total", text("19,00")), Refused(400, "total")),
        ("total beyond the cent", ours("/total", text("19.001")), Refused(400, "total")),
        ("total with an exponent", ours("/total", text("19e0")), Refused(400, "total")),
        ("total beyond 64 bits", ours("/total", text("100000000000000000000")), Refused(400, "total")),
        ("tax is a list", ours("/tax", Some(json!([]))), Refused(400, "tax")),
        ("cents of a yen", ours("/currency", text("JPY")), Refused(400, "shipping")),
        ("lines are an object", ours("/lines", Some(json!({}))), Refused(400, "lines")),
        ("a line is text", ours("/lines/1", text("B")), Refused(400, "lines[1]")),
        ("no quantity", ours("/lines/1/quantity", None), Refused(400, "lines[1].quantity")),
        ("half a unit", ours("/lines/1/quantity", Some(json!(0.5))), Refused(400, "lines[1].quantity")),
        ("quantity is text", ours("/lines/0/quantity", text("2")), Refused(400, "lines[0].quantity")),
        ("no line total", ours("/lines/0/total", None), Refused(400, "lines[0].total")),
        ("some time", ours("/placed_at", text("yesterday")), Refused(400, "placed_at")),
        ("a time somewhere", ours("/placed_at", text("2026-03-01T10:00:00")), Refused(400, "placed_at")),
        ("a level of its own", ours("/service_level", text("drone")), Refused(400, "service_level")),
        ("customer is text", ours("/customer", text("Zoë")), Refused(400, "customer")),
        ("no amount authorised", ours("/authorisation/amount", None), Refused(400, "authorisation.amount")),
        ("no address", ours("/ship_to", None), Case("address-missing")),
        ("null address", ours("/ship_to", Some(Value::Null)), Case("address-missing")),
        ("an empty address", ours("/ship_to", Some(json!({}))), Case("address-incomplete")),
        ("no street", ours("/ship_to/street1", text("")), Case("address-incomplete")),
        ("a country of its own", ours("/ship_to/country", text("Freedonia")), Case("address-incomplete")),
        ("null customer", ours("/customer", Some(Value::Null)), Accepted),
        ("no e-mail", ours("/customer/email", None), Accepted),
        ("e-mail in words", ours("/customer/email", text("ask me")), Accepted),
        ("no lines", ours("/lines", None), Case("lines-missing")),
        ("an empty SKU", ours("/lines/0/sku", text(" ")), Case("sku-missing")),
        ("zero units", ours("/lines/0/quantity", Some(json!(0))), Case("quantity-invalid")),
        ("fewer units", ours("/lines/0/quantity", Some(json!(-1))), Case("quantity-invalid")),
        ("all units", ours("/lines/0/quantity", Some(json!(i64::MAX))), Case("quantity-invalid")),
        ("negative tax", ours("/tax", text("-1.00")), Case("amount-invalid")),
        ("unknown currency", ours("/currency", text("XQQ")), Case("currency-unknown")),
        ("no currency", ours("/currency", None), Case("currency-unknown")),
        ("a cent too much", ours("/total", text("19.01")), Case("totals-mismatch")),
        ("nothing authorised", ours("/authorisation", None), Accepted),
        ("no service level", ours("/service_level", None), Accepted),
        ("a whole number", ours("/total", Some(json!(19))), Accepted),
    ]
}

fn everything_else() -> Vec<Row> {
    let cancel = |body: &str| {
        let path = "/v1/orders/01920000-0000-7000-8000-000000000001/cancel";
        Request::new("POST", path).trusted().body(body)
    };
    let text = |text: &str| Some(json!(text));
    let number = "data.tracking_number";
    let status = "data.tracking_status.status";
    vec![
        ("scan: no event", scan_with("/event", None), Refused(400, "event")),
        ("scan: no data", scan_with("/data", None), Refused(400, "data")),
        ("scan: no number", scan_with("/data/tracking_number", None), Refused(400, number)),
        ("scan: U+0000", scan_with("/data/tracking_number", text("\0")), Refused(400, number)),
        ("scan: endless", scan_with("/data/tracking_number", text(&"9".repeat(201))), Refused(400, number)),
        ("scan: no carrier", scan_with("/data/carrier", None), Refused(400, "data.carrier")),
        ("scan: odd status", scan_with("/data/tracking_status/status", text("LOST")), Refused(400, status)),
        ("scan: no JSON", shippo(&json!([])), Refused(400, "body")),
        ("scan: nothing new", scan_with("/test", Some(json!(true))), Nothing),
        ("scan: another event", scan_with("/event", text("batch_created")), Nothing),
        ("cancel: unknown", cancel(""), Refused(404, "")),
        ("cancel: odd body", cancel("[]"), Refused(400, "body")),
        ("cancel: by nobody", cancel(r#"{"requested_by": "nobody"}"#), Refused(400, "requested_by")),
        (
            "cancel: a long story",
            cancel(&json!({"requested_by": "customer", "reason": "x".repeat(501)}).to_string()),
            Refused(400, "reason"),
        ),
        (
            "status: unknown",
            get("/v1/orders/01920000-0000-7000-8000-000000000001").trusted(),
            Refused(404, ""),
        ),
        ("status: no id", get("/v1/orders/1").trusted(), Refused(404, "")),
        ("status: no UTF-8", get("/v1/orders/%ff").trusted(), Refused(404, "")),
        ("review: no rating", review("comment=good"), Page(400)),
        ("review: six stars", review("rating=6"), Page(400)),
        ("review: stars in words", review("rating=five"), Page(400)),
        ("review: U+0000", review("rating=5&comment=%00"), Page(400)),
        ("review: too large", review(&"x".repeat(BODY_LIMIT + 1)), Page(413)),
        ("no such path", get("/v1/order").trusted(), Refused(404, "")),
        ("no such method", get("/webhooks/shopify"), Refused(405, "")),
    ]
}

#[tokio::test]
async fn every_bad_input_has_its_answer() {
    let env = TestEnv::new().await;
    let gateway = TestGateway::open(&env, vec![despatch_orders::worker()]).await;
    let rows = [
        senders_that_prove_nothing(),
        bodies_that_are_no_orders(),
        our_orders(),
        of_shops::orders(),
        of_stock::commands(),
        of_stock::deliveries_and_articles(),
        everything_else(),
    ];
    let rows: Vec<Row> = rows.into_iter().flatten().collect();
    assert!(rows.len() >= 60);

    let (mut taken, mut kept, mut surprises) = (Vec::new(), Vec::new(), Vec::new());
    for (name, request, expected) in rows {
        let answer = gateway.send(request).await;
        let (status, body) = (answer.status, answer.json());
        let as_expected = match expected {
            Refused(refused, field) => {
                let error = &body["error"];
                status == refused
                    && error["field"].as_str().unwrap_or_default() == field
                    && error["code"].is_string()
                    && error["message"].is_string()
            }
            Page(shown) => {
                let html = String::from_utf8_lossy(&answer.body);
                status == shown
                    && answer.header("content-type") == "text/html; charset=utf-8"
                    && html.contains("Quay Street Supplies")
                    && !html.contains("\"code\"")
            }
            Nothing => status == 200 && answer.body.is_empty(),
            Kept(error) => {
                kept.push((name, error));
                status == 200 && answer.body.is_empty()
            }
            Case(_) | Accepted => {
                taken.push((name, answer.order_id(), expected));
                status < 300
            }
        };
        if !as_expected {
            surprises.push(format!("{name}: {status} {body}"));
        }
    }
    assert!(surprises.is_empty(), "{surprises:#?}");

    let distinct: BTreeSet<&str> = taken.iter().map(|(_, order_id, _)| &**order_id).collect();
    assert_eq!(distinct.len(), taken.len(), "each order is one of its own");
    for (name, order_id, expected) in &taken {
        let _: OrderPlaced = env.expect(order_id).await;
        match expected {
            Case(reason) => assert_eq!(env.expect_dead(order_id).await.reason, *reason, "{name}"),
            Accepted | Refused(..) | Page(_) | Nothing | Kept(_) => {
                drop::<OrderAccepted>(env.expect(order_id).await);
            }
        }
    }
    env.quiet().await;
    assert_eq!(env.messages("evt.order.placed").await.len(), taken.len(), "nothing else was taken");
    let letters = env.messages("dead.gateway.order-unreadable").await;
    let letters: Vec<DeadLetter> =
        letters.iter().map(|letter| DeadLetter::decode(&letter.payload[..]).unwrap()).collect();
    assert_eq!(letters.len(), kept.len(), "each is a case of its own");
    for (name, error) in kept {
        let is_told =
            |letter: &DeadLetter| letter.failures.iter().any(|failure| failure.error.contains(error));
        assert!(letters.iter().any(is_told), "{name}: {error}");
        assert!(letters.iter().all(|letter| letter.replayable && letter.event.is_some()));
    }
}
