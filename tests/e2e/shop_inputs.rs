//! Orders as shops really send them, each with its end after all workers: the files of the gateway's `tests/cases`. One deployment
//! gets each of them twice, another one gets them once in the opposite order.

use std::collections::BTreeMap;

use despatch_inventory::store::receive;
use reqwest::Method;
use serde_json::Value;
use tokio_postgres::Client;

use crate::changed_orders::WORKERS;
use crate::deployment::{API_KEY, Deployment, WEBHOOK_TOKEN, stock};
use crate::until::until;

/// The end of an input.
#[derive(Debug, Clone, Copy, PartialEq)]
enum End {
    /// A parcel with a label has these units, and what was authorised is captured.
    Ships(&'static [(&'static str, i64)]),
    /// It ships, or it is a case, because another input names the same payment. Of both, one ships.
    ShipsOnceWith(&'static str),
    /// The customer may collect it: captured, and no carrier has a part in it.
    Ready,
    /// Waits for its payment, without a case, a mail or units.
    Waits,
    /// The shop cancelled it: nothing is kept of its money, and nothing leaves.
    Cancelled,
    /// One case with this reason. Nothing is captured, and nothing leaves.
    Case(&'static str),
    /// One case of the gateway, because nobody can read it.
    Unreadable,
    /// Answered, without a trace.
    Nothing,
    /// Not sent, for this reason: the shop does not send it again, so only polling the shop finds it.
    OnlyPollingFindsIt(&'static str),
}

use End::{Cancelled, Case, Nothing, OnlyPollingFindsIt, Ready, Ships, ShipsOnceWith, Unreadable, Waits};

/// An input.
struct Row {
    name: &'static str,
    body: &'static str,
    /// The money that the checkout authorised at Stripe: minor units and currency.
    authorised: Option<(i64, &'static str)>,
    end: End,
}

/// The text of a file of `tests/cases`.
macro_rules! file {
    ($name:literal) => {
        include_str!(concat!("../../crates/edge/gateway/tests/cases/", $name, ".json"))
    };
}

/// A file of `tests/cases`, the money that the checkout authorised for it, and its end.
macro_rules! row {
    ($name:literal, $authorised:expr, $end:expr) => {
        Row { name: $name, body: file!($name), authorised: $authorised, end: $end }
    };
}

const BOOKCASE: &str = "FUR-BO-10001798";
const CHAIR: &str = "FUR-CH-10000454";
const ONE: End = Ships(&[(BOOKCASE, 1)]);
const WITH_CHAIR: End = Ships(&[(BOOKCASE, 1), (CHAIR, 1)]);
const WITH_CHAIRS: End = Ships(&[(BOOKCASE, 1), (CHAIR, 2)]);

/// The order whose parcel the carrier scans in the end.
const SCANNED: &str = "17a-shopify-name-is-not-id";
const DELIVERED: &str = file!("18-shippo-delivered-without-transit");
const TRANSIT: &str = file!("19-shippo-transit-after-delivered");

const NOT_STORED: &str = "the gateway's database is away, so it answers 503 and keeps nothing";

#[allow(clippy::unnecessary_wraps, reason = "it is a cell of the table")]
fn usd(minor: i64) -> Option<(i64, &'static str)> {
    Some((minor, "usd"))
}

fn rows() -> Vec<Row> {
    vec![
        row!("01a-woo-one-intent-two-orders", usd(4200), ShipsOnceWith("payment-used")),
        row!("01b-woo-one-intent-two-orders", usd(4200), ShipsOnceWith("payment-used")),
        row!("02-shopify-presentment-currency", Some((16_380, "jpy")), ONE),
        row!("03a-shopify-order-to-be-cancelled", usd(10_500), Cancelled),
        row!("03b-shopify-orders-cancelled", usd(10_500), Cancelled),
        row!("04a-woo-decimal-quantity", usd(1480), Unreadable),
        row!("04b-woo-four-decimals", usd(2997), WITH_CHAIR),
        Row { name: "04c-woo-503-is-lost", body: "", authorised: None, end: OnlyPollingFindsIt(NOT_STORED) },
        row!("05a-woo-local-pickup", usd(3700), Ready),
        row!("05c-shopify-pickup-no-address", usd(10_000), Ready),
        row!("06a-woo-status-pending", None, Waits),
        row!("06c-woo-status-on-hold", None, Waits),
        row!("07-shopify-line-of-another-fulfilment-service", usd(13_500), ONE),
        row!("08a-shopify-test-notification", None, Nothing),
        row!("09-woo-tax-rounding", usd(2838), ONE),
        row!("10a-shopify-line-without-shipping", usd(15_500), ONE),
        row!("10c-shopify-custom-item", usd(11_700), Case("sku-missing")),
        row!("11a-shopify-part-paid-by-gift-card", usd(2400), ONE),
        row!("11b-shopify-all-paid-by-gift-card", None, ONE),
        row!("12-shopify-tip", usd(11_000), ONE),
        row!("13-shopify-duties", usd(14_340), ONE),
        row!("15-shopify-customer-null-with-email", usd(10_500), ONE),
        row!("16-shopify-phone-only", usd(10_500), ONE),
        row!("17a-shopify-name-is-not-id", usd(10_500), ONE),
        row!("20a-shippo-test-button", None, Nothing),
        row!("20c-shippo-null-tracking-status", None, Nothing),
        row!("21-api-kosovo", Some((4200, "eur")), ONE),
        row!("22b-api-email-international-domain", usd(4200), ONE),
        row!("24a-woo-bundle-container", usd(6500), WITH_CHAIRS),
        row!("25-woo-refunded-before-sent", usd(7900), Case("refund-unclear")),
        row!("26-api-no-recipient-name", usd(4200), Case("address-incomplete")),
        Row { name: "30-woo-ping", body: "webhook_id=12", authorised: None, end: Nothing },
        row!("31-woo-negative-fee", usd(2700), ONE),
        row!("32-shopify-free-order", None, ONE),
        row!("33-api-three-decimals", Some((12_340, "kwd")), ONE),
        row!("40-shopify-paid-by-shopify-payments", None, ONE),
        row!("41-shopify-authorized-at-shopify-payments", None, Case("capture-at-shop")),
        row!("42-shopify-pending-bank-deposit", None, Waits),
        row!("43-woo-paid-through-paypal-plugin", None, ONE),
    ]
}

const SHOPS: &str = r#"
gateway.shopify = [{ name = "north", source = "north.myshopify.com", secrets = ["the shop's secret"] }]
gateway.woocommerce = [{ name = "south", source = "https://south.example.com", secrets = ["the shop's secret"] }]
"#;

fn signature(body: &str) -> String {
    despatch_scenario::shopify::signature("the shop's secret", body.as_bytes())
}

/// Everything that there is of an input at last.
#[derive(Debug)]
struct Seen {
    /// The order's state; empty if no order was accepted.
    state: String,
    /// Units in parcels that have a label.
    labelled: Vec<(String, i64)>,
    /// Units that are held, or left.
    held: i64,
    waits: bool,
    mails: Vec<String>,
    cases: Vec<String>,
}

/// A deployment, and the shops that send to it.
struct Shops<'d> {
    deployment: &'d Deployment,
    gateway_url: String,
    http: reqwest::Client,
    db: Client,
    /// The payment of each order, by the shop's id of the order.
    intents: BTreeMap<String, String>,
}

impl Shops<'_> {
    /// Asks Stripe about payments, as the checkout and a person in the dashboard do.
    async fn stripe(&self, method: Method, path: &str, form: &[(&str, &str)]) -> Value {
        let url = format!("{}/v1/payment_intents{path}", self.deployment.sandbox.stripe_url());
        let request = self.http.request(method, url).bearer_auth("sk_test_sandbox").form(form);
        request.send().await.unwrap().error_for_status().unwrap().json().await.unwrap()
    }

    /// Returns the body with the payment that it names, which is authorised if it is not yet.
    async fn paid(&mut self, row: &Row) -> String {
        let Some((amount, currency)) = row.authorised else { return row.body.to_owned() };
        let start = row.body.find("pi_REPLACE").unwrap();
        let place = row.body[start..].split('"').next().unwrap();
        let body: Value = serde_json::from_str(row.body).unwrap();
        let number = body["shop_order_id"].as_str().map_or(body["id"].to_string(), ToOwned::to_owned);
        // Several orders name the payment of the first one.
        let number = if place.ends_with("_SAME") { "5001".to_owned() } else { number };
        if !self.intents.contains_key(&number) {
            let form = [
                ("amount", &*amount.to_string()),
                ("currency", currency),
                ("capture_method", "manual"),
                ("confirm", "true"),
                ("payment_method", "pm_card_visa"),
                ("metadata[order_id]", &number),
            ];
            let intent = self.stripe(Method::POST, "", &form).await;
            self.intents.insert(number.clone(), intent["id"].as_str().unwrap().to_owned());
        }
        row.body.replace(place, &self.intents[&number])
    }

    /// Sends an input by the way of its shape. Returns the order's id, or nothing if the answer names no order.
    async fn send(&self, body: &str) -> String {
        let shape: Value = serde_json::from_str(body).unwrap_or_default();
        let to = |path: &str| self.http.post(format!("{}{path}", self.gateway_url)).body(body.to_owned());
        let request = if shape.is_null() {
            to("/webhooks/woocommerce")
        } else if !shape["event"].is_null() {
            to(&format!("/webhooks/shippo?token={}", WEBHOOK_TOKEN.replace(' ', "%20")))
        } else if !shape["shop_order_id"].is_null() {
            to("/v1/orders").bearer_auth(API_KEY)
        } else if shape["admin_graphql_api_id"].is_null() {
            let request = to("/webhooks/woocommerce").header("x-wc-webhook-topic", "order.created");
            let request = request.header("x-wc-webhook-source", "https://south.example.com/");
            request.header("x-wc-webhook-signature", signature(body))
        } else {
            let is_cancelled = shape["financial_status"] == "voided";
            let topic = if is_cancelled { "orders/cancelled" } else { "orders/create" };
            let request = to("/webhooks/shopify").header("x-shopify-topic", topic);
            let request = request.header("x-shopify-test", shape["test"].to_string());
            let request = request.header("x-shopify-shop-domain", "north.myshopify.com");
            request.header("x-shopify-hmac-sha256", signature(body))
        };
        let answer = until("the gateway's tables are made", async || {
            let answer = request.try_clone().unwrap().send().await.unwrap();
            (answer.status() != 503).then_some(answer)
        })
        .await;
        let (status, text) = (answer.status(), answer.text().await.unwrap());
        assert!(status.is_success(), "{status}: {text}\n{body}");
        let answer: Value = serde_json::from_str(&text).unwrap_or_default();
        answer["order_id"].as_str().unwrap_or_default().to_owned()
    }

    async fn look(&self, order_id: &str) -> Seen {
        let held = "select sku, sum(quantity)::int8, bool_and(label.order_id is not null)
                      from inventory.allocation
                      left join labels.label on label.order_id = allocation.order_id and void_asked_at is null
                                            and label.parcel = allocation.parcel
                     where allocation.order_id = $1 group by sku order by sku";
        let held = self.db.query(held, &[&order_id]).await.unwrap();
        let labelled = held.iter().filter(|row| row.get(2)).map(|row| (row.get(0), row.get(1))).collect();
        let text = async |sql: &str| -> Vec<String> {
            self.db.query(sql, &[&order_id]).await.unwrap().iter().map(|row| row.get(0)).collect()
        };
        let mails = "select milestone from notifications.sent where order_id = $1 order by milestone";
        Seen {
            state: text("select state from orders.progress where order_id = $1").await.concat(),
            labelled,
            held: held.iter().map(|row| row.get::<_, i64>(1)).sum(),
            waits: !text("select order_id from orders.unpaid where order_id = $1").await.is_empty(),
            mails: text(mails).await,
            cases: text("select reason from exceptions.exception where subject = 'order/' || $1").await,
        }
    }

    /// Returns what is kept of the payment that a body names: minor units and currency.
    async fn kept(&self, body: &str) -> (i64, String) {
        let intent = body.split('"').find(|text| text.starts_with("pi_")).unwrap();
        let intent = self.stripe(Method::GET, &format!("/{intent}"), &[]).await;
        (intent["amount_received"].as_i64().unwrap(), intent["currency"].as_str().unwrap().to_owned())
    }

    /// Looks until everything that an end asks for is there.
    async fn arrives(&self, name: &str, end: End, order_id: &str) {
        until(&format!("{name}: {end:?}"), async || {
            let seen = self.look(order_id).await;
            let ships = seen.state == "labelled" && !seen.labelled.is_empty();
            let is_there = match end {
                Ships(_) => ships,
                ShipsOnceWith(_) => ships || !seen.cases.is_empty(),
                Ready => seen.state == "ready",
                Waits => seen.waits,
                // One that is cancelled before the shop says that there is one is never placed.
                Cancelled => order_id.is_empty() || seen.state == "cancelled",
                Case(_) => !seen.cases.is_empty(),
                Unreadable | Nothing | OnlyPollingFindsIt(_) => true,
            };
            is_there.then_some(())
        })
        .await;
    }

    /// Compares the end with the table, when nothing is left to do. Returns the reason of its case, if it is one.
    async fn check(&self, row: &Row, body: &str, order_id: &str) -> Option<&'static str> {
        let (name, seen) = (row.name, self.look(order_id).await);
        let kept = if row.authorised.is_some() { Some(self.kept(body).await) } else { None };
        let captured = kept.as_ref().map(|(minor, currency)| (*minor, currency.as_str()));
        let nothing = row.authorised.map(|(_, currency)| (0, currency));
        let reason = match row.end {
            Case(reason) => Some(reason),
            ShipsOnceWith(reason) if seen.labelled.is_empty() => Some(reason),
            _ => None,
        };
        assert_eq!(seen.cases, Vec::from_iter(reason), "{name}: {seen:?}");
        let (units, held) = (&seen.labelled, seen.held);
        match row.end {
            Ships(wanted) => {
                let units: Vec<_> = units.iter().map(|(sku, units)| (&**sku, *units)).collect();
                assert_eq!((&*units, captured), (wanted, row.authorised), "{name}: {seen:?}");
            }
            ShipsOnceWith(_) => assert_eq!(captured, row.authorised, "{name}: {seen:?}"),
            Ready => {
                assert_eq!((units.len(), held, captured), (0, 1, row.authorised), "{name}: {seen:?}");
                assert_eq!(seen.mails, ["accepted", "ready"], "{name}");
            }
            Cancelled => {
                let number = serde_json::from_str::<Value>(body).unwrap()["id"].to_string();
                let money = self.deployment.sandbox.order_counts(&number).unwrap();
                assert_eq!((held, money.captured_minor), (0, money.refunded_minor), "{name}: {money:?}");
                assert!(order_id.is_empty() || money.authorised_minor == 0, "{name}: {money:?}");
            }
            Case(_) => assert_eq!((held, captured), (0, nothing), "{name}: {seen:?}"),
            Waits => assert_eq!((&*seen.state, held, seen.mails.len()), ("", 0, 0), "{name}: {seen:?}"),
            Unreadable => assert_eq!((order_id, captured), ("", nothing), "{name}"),
            Nothing => assert_eq!(order_id, "", "{name}"),
            OnlyPollingFindsIt(_) => {}
        }
        reason
    }

    /// The carrier scans a parcel, and it has arrived whichever scan comes first.
    async fn scan(&self, order_id: &str, scans: &[&str]) {
        let sql = "select tracking_number from labels.label where order_id = $1";
        let number: String = self.db.query_one(sql, &[&order_id]).await.unwrap().get(0);
        for scan in scans {
            let scan = scan.replace("REPLACE_TRACKING_NUMBER", &number).replace("REPLACE_ORDER_ID", order_id);
            assert_eq!(self.send(&scan).await, self.send(&scan).await);
            self.deployment.env.quiet().await;
        }
        let seen = until("it has arrived, and its review lapsed", async || {
            let seen = self.look(order_id).await;
            (seen.state == "completed" && seen.mails.iter().any(|mail| mail == "delivered")).then_some(seen)
        })
        .await;
        let is_told_first = seen.mails.iter().any(|mail| mail == "despatched");
        // No mail of an earlier stage comes after a later one.
        assert_eq!(is_told_first, scans[0] == TRANSIT, "{seen:?}");
    }
}

/// Sends the inputs, each so many times, and looks at the end of each.
async fn all_end_as_they_should(rows: &[Row], times: usize, scans: &[&str]) {
    let files = tempfile::tempdir().unwrap();
    let configuration = files.path().join("despatch.toml");
    std::fs::write(&configuration, SHOPS).unwrap();
    let deployment = Deployment::new(&[
        ("DESPATCH_CONFIG", configuration.to_str().unwrap()),
        ("DESPATCH_EXCEPTIONS_MONITOR_SECONDS", "86400"),
    ])
    .await;
    let process = deployment.run(&WORKERS);
    let gateway_url = deployment.gateway_url(&process).await;
    let (http, db) = (reqwest::Client::new(), deployment.env.db().await);
    stock(&db, 1).await;
    receive(&db, "enough", &[(BOOKCASE, "louisville", 99), (CHAIR, "louisville", 99)]).await.unwrap();
    let mut shops = Shops { deployment: &deployment, gateway_url, http, db, intents: BTreeMap::new() };

    let mut sent = Vec::new();
    for row in rows.iter().filter(|row| !matches!(row.end, OnlyPollingFindsIt(_))) {
        let body = shops.paid(row).await;
        let order_id = shops.send(&body).await;
        for _ in 1..times {
            assert_eq!(shops.send(&body).await, order_id, "{}", row.name);
        }
        sent.push((row, body, order_id));
    }
    for (row, _, order_id) in &sent {
        shops.arrives(row.name, row.end, order_id).await;
    }
    let unreadable = sent.iter().filter(|(row, ..)| row.end == Unreadable).count();
    deployment.env.quiet().await;

    let (mut reasons, mut shared) = (Vec::new(), 0);
    for (row, body, order_id) in &sent {
        let reason = shops.check(row, body, order_id).await;
        shared += usize::from(reason.is_some() && matches!(row.end, ShipsOnceWith(_)));
        reasons.extend(reason);
    }
    assert_eq!(shared, 1, "of the orders with one payment, one ships");
    let scanned = sent.iter().find(|(row, ..)| row.name == SCANNED).unwrap();
    shops.scan(&scanned.2, scans).await;

    // Nothing happened beyond the table.
    assert_eq!(deployment.env.messages("dead.>").await.len(), reasons.len() + unreadable);
    let cases = shops.db.query("select reason, error from exceptions.exception", &[]).await.unwrap();
    assert_eq!(cases.len(), reasons.len() + unreadable, "{cases:?}");
    let labels = sent.iter().filter(|(row, ..)| matches!(row.end, Ships(_))).count() + shared;
    let counts = until("each label is used, or void", async || {
        let counts = deployment.sandbox.counts();
        (counts.labels == u64::try_from(labels).unwrap() + counts.voided_labels).then_some(counts)
    })
    .await;
    assert!(counts.double_captures.is_empty() && counts.double_labels.is_empty(), "{counts:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_input_ends_as_it_should_though_it_comes_twice() {
    all_end_as_they_should(&rows(), 2, &[DELIVERED, TRANSIT]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_input_ends_as_it_should_in_the_opposite_order() {
    let rows: Vec<Row> = rows().into_iter().rev().collect();
    all_end_as_they_should(&rows, 1, &[TRANSIT, DELIVERED]).await;
}
