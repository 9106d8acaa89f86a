//! The money of orders as shops really send them, from the webhook to the capture at the sandbox's Stripe.

use std::collections::BTreeMap;

use despatch_contracts::order::{Order, OrderAccepted, OrderPlaced};
use despatch_contracts::payment::{PaymentAuthorised, PaymentCaptured};
use despatch_contracts::stock::StockReserved;
use despatch_payments::stripe::{SecretKey, StripeConfig};
use despatch_payments::{Config, ProviderName};
use despatch_sandbox::{Options, Sandbox};
use despatch_testkit::{TestEnv, eventually};
use serde_json::{Value, json};

use crate::fixture::{Request, TestGateway, shopify, woocommerce};

/// A gateway, with orders and payments behind it, and a Stripe.
pub(crate) struct Shop {
    pub(crate) env: TestEnv,
    pub(crate) gateway: TestGateway,
    pub(crate) sandbox: Sandbox,
}

macro_rules! case {
    ($name:literal) => {
        include_str!(concat!("../cases/", $name, ".json"))
    };
}

const SHARED: [&str; 2] = [case!("01a-woo-one-intent-two-orders"), case!("01b-woo-one-intent-two-orders")];
const PENDING: &str = case!("42-shopify-pending-bank-deposit");

impl Shop {
    pub(crate) async fn open() -> Self {
        let env = TestEnv::new().await;
        let sandbox = Sandbox::start(Options::default()).await.unwrap();
        let secret_key = SecretKey::from("sk_test_shop".to_owned());
        let stripe = StripeConfig {
            base_url: sandbox.stripe_url(),
            secret_key,
            timeout_ms: 10_000,
            order_keys: BTreeMap::new(),
        };
        let payments = Config { provider: ProviderName::Stripe, stripe };
        let workers = vec![despatch_orders::worker(), despatch_payments::worker(&payments).unwrap()];
        let gateway = TestGateway::open(&env, workers).await;
        Shop { env, gateway, sandbox }
    }

    /// Authorises a payment of the shop's order of this id.
    async fn authorise(&self, shop_order_id: &str, minor: i64, currency: &str) -> String {
        self.authorise_with("pm_card_visa", shop_order_id, (minor, currency)).await
    }

    /// Authorises a payment with one of Stripe's test cards.
    pub(crate) async fn authorise_with(
        &self,
        card: &str,
        shop_order_id: &str,
        (minor, currency): (i64, &str),
    ) -> String {
        let form = [
            ("amount", minor.to_string()),
            ("currency", currency.to_owned()),
            ("capture_method", "manual".to_owned()),
            ("confirm", "true".to_owned()),
            ("payment_method", card.to_owned()),
            ("metadata[order_id]", shop_order_id.to_owned()),
        ];
        let intent = self.in_dashboard("payment_intents", &form).await;
        intent["id"].as_str().unwrap().to_owned()
    }

    /// Does at Stripe what a person does in its dashboard, and returns Stripe's answer.
    pub(crate) async fn in_dashboard(&self, path: &str, form: &[(&str, String)]) -> Value {
        let url = format!("{}/v1/{path}", self.sandbox.stripe_url());
        let sent = reqwest::Client::new().post(url).bearer_auth("sk_test_shop").form(form).send().await;
        sent.unwrap().error_for_status().unwrap().json().await.unwrap()
    }

    /// Sends a webhook twice, and returns the order's id.
    async fn send(&self, request: &Request) -> String {
        let first = self.gateway.send(request.clone()).await;
        assert_eq!(first.status, 200, "{first:?}");
        let again = self.gateway.send(request.clone()).await;
        assert_eq!((again.status, again.order_id()), (200, first.order_id()));
        first.order_id()
    }

    /// Sends an order whose payment of this much is authorised at Stripe.
    async fn send_authorised(&self, case: &str, minor: i64, currency: &str) -> String {
        let id = serde_json::from_str::<Value>(case).unwrap()["id"].to_string();
        let intent = self.authorise(&id, minor, currency).await;
        self.send(&webhook(&named(case, &intent))).await
    }

    /// Reserves the stock of an order that may be, and returns what payments captured of it: minor units and currency.
    pub(crate) async fn captured(&self, order_id: &str) -> (i64, String) {
        let authorised: PaymentAuthorised = self.env.expect(order_id).await;
        self.env.deliver(&StockReserved { order: authorised.order, ..StockReserved::default() }).await;
        let captured: PaymentCaptured = self.env.expect(order_id).await;
        (captured.amount_minor, captured.currency)
    }
}

/// Names the PaymentIntent in a case that leaves its place open.
fn named(case: &str, intent: &str) -> String {
    let start = case.find("pi_REPLACE").expect("a place for the intent");
    let end = start + case[start..].find('"').unwrap();
    case.replace(&case[start..end], intent)
}

/// The webhook of an order: Shopify's orders have a `financial_status`.
fn webhook(order: &str) -> Request {
    if order.contains("financial_status") { shopify(order) } else { woocommerce(order) }
}

#[tokio::test]
async fn what_is_due_is_captured_and_nothing_else() {
    let shop = Shop::open().await;
    for (case, minor, currency) in [
        (case!("02-shopify-presentment-currency"), 16_380, "JPY"),
        (case!("09-woo-tax-rounding"), 2838, "USD"),
        (case!("11a-shopify-part-paid-by-gift-card"), 2400, "USD"),
        (case!("12-shopify-tip"), 11_000, "USD"),
        (case!("13-shopify-duties"), 14_340, "USD"),
    ] {
        let order_id = shop.send_authorised(case, minor, &currency.to_lowercase()).await;
        assert_eq!(shop.captured(&order_id).await, (minor, currency.to_owned()));
    }
    for case in [
        case!("11b-shopify-all-paid-by-gift-card"),
        case!("32-shopify-free-order"),
        case!("40-shopify-paid-by-shopify-payments"),
        case!("43-woo-paid-through-paypal-plugin"),
    ] {
        let order_id = shop.send(&webhook(case)).await;
        assert_eq!(shop.captured(&order_id).await.0, 0, "{order_id}");
    }
    shop.env.quiet().await;
    assert!(shop.env.messages("dead.>").await.is_empty());
}

#[tokio::test]
async fn of_what_was_authorised_only_what_still_stands_is_captured() {
    let shop = Shop::open().await;
    let changed = |case: &str, pointer: &str, to: Value| {
        let mut order: Value = serde_json::from_str(case).unwrap();
        *order.pointer_mut(pointer).unwrap() = to;
        order
    };
    let units = json!([{"quantity": -1, "meta_data": [{"key": "_refunded_item_id", "value": 302}]}]);
    let refunds = json!([{"id": 5027, "total": "-37.00", "line_items": units}]);
    let refunded = changed(case!("25-woo-refunded-before-sent"), "/refunds", refunds);
    let mut edited = changed(
        case!("07-shopify-line-of-another-fulfilment-service"),
        "/line_items/1/current_quantity",
        json!(0),
    );
    edited["current_total_price"] = json!("105.00");
    for (case, authorised, captured) in [(refunded, 7900, 4200), (edited, 13_500, 10_500)] {
        let order_id = shop.send_authorised(&case.to_string(), authorised, "usd").await;
        assert_eq!(shop.captured(&order_id).await, (captured, "USD".to_owned()));
    }
    shop.env.quiet().await;
    assert!(shop.env.messages("dead.>").await.is_empty());
    // Nothing is captured of a payment that was authorised for another order's amount.
    let order = changed(case!("07-shopify-line-of-another-fulfilment-service"), "/id", json!(77));
    let order_id = shop.send_authorised(&order.to_string(), 13_600, "usd").await;
    assert_eq!(shop.env.expect_dead(&order_id).await.reason, "amount-mismatch");
}

#[tokio::test]
async fn yen_are_not_captured_for_dollars() {
    let shop = Shop::open().await;
    let case = case!("02-shopify-presentment-currency");
    let order_id = shop.send_authorised(case, 10_500, "jpy").await;
    assert_eq!(shop.env.expect_dead(&order_id).await.reason, "amount-mismatch");
    assert_eq!(shop.env.count::<PaymentAuthorised>(&order_id).await, 0);
}

#[tokio::test]
async fn a_payment_that_the_shop_has_to_capture_is_a_case() {
    let shop = Shop::open().await;
    let order_id = shop.send(&webhook(case!("41-shopify-authorized-at-shopify-payments"))).await;
    assert_eq!(shop.env.expect_dead(&order_id).await.reason, "capture-at-shop");
    assert_eq!(shop.env.count::<PaymentAuthorised>(&order_id).await, 0);
    // The shop captures it, and the order goes on.
    let case = case!("41-shopify-authorized-at-shopify-payments");
    let paid = shopify(case.replace(r#""financial_status": "authorized""#, r#""financial_status": "paid""#));
    shop.send(&paid.with("x-shopify-topic", "orders/paid")).await;
    assert_eq!(shop.captured(&order_id).await.0, 0);
}

#[tokio::test]
async fn of_two_orders_that_name_one_payment_one_goes_on_whichever_comes_first() {
    for first in [0, 1] {
        let shop = Shop::open().await;
        let intent = shop.authorise("5001", total_minor(SHARED[0]), "usd").await;
        let mut ids = Vec::new();
        for at in [first, 1 - first] {
            ids.push(shop.send(&webhook(&named(SHARED[at], &intent))).await);
            shop.env.quiet().await;
        }
        shop.env.quiet().await;
        let authorised = shop.env.messages("evt.payment.authorised").await;
        assert_eq!(authorised.len(), 1, "first {first}");
        let dead = shop.env.messages("dead.>").await;
        assert_eq!(dead.len(), 1, "first {first}");
        assert_ne!(authorised[0].subject, dead[0].subject);
    }
}

/// The order's total, with two decimals.
fn total_minor(case: &str) -> i64 {
    let order: Value = serde_json::from_str(case).unwrap();
    order["total"].as_str().unwrap().replace('.', "").parse().unwrap()
}

#[tokio::test]
async fn an_order_that_is_not_paid_waits_without_a_case_until_it_is() {
    let shop = Shop::open().await;
    let order_id = shop.send(&webhook(PENDING)).await;
    shop.env.expect::<OrderPlaced>(&order_id).await;
    shop.env.quiet().await;
    assert_eq!(shop.env.count::<OrderAccepted>(&order_id).await, 0);
    let paid = shopify(PENDING.replace(r#""financial_status": "pending""#, r#""financial_status": "paid""#))
        .with("x-shopify-topic", "orders/paid");
    assert_eq!(shop.send(&paid).await, order_id);
    assert_eq!(shop.captured(&order_id).await.0, 0);
    assert_eq!(shop.env.count::<OrderAccepted>(&order_id).await, 1);
    assert!(shop.env.messages("dead.>").await.is_empty());
}

#[tokio::test]
async fn the_word_that_it_is_paid_may_come_before_the_order() {
    let shop = Shop::open().await;
    // A young order, or it would be one from before the shop was connected.
    let now = jiff::Timestamp::now().to_string();
    let mut order: Value = serde_json::from_str(PENDING).unwrap();
    order["created_at"] = json!(now);
    let pending = shopify(order.to_string());
    order["financial_status"] = json!("paid");
    let paid = shopify(order.to_string()).with("x-shopify-topic", "orders/paid");
    let order_id = shop.send(&paid).await;
    assert_eq!(shop.send(&pending).await, order_id);
    assert_eq!(shop.captured(&order_id).await.0, 0);
    shop.env.quiet().await;
    assert_eq!(shop.env.count::<OrderAccepted>(&order_id).await, 1);
    assert!(shop.env.messages("dead.>").await.is_empty());
}

#[tokio::test]
async fn a_transaction_pays_too_and_a_refund_of_the_shop_is_booked() {
    let shop = Shop::open().await;
    let order_id = shop.send(&webhook(PENDING)).await;
    let transaction = |id: u64, kind: &str, amount: &str| {
        json!({ "id": id, "order_id": 6_200_000_005_042_u64, "kind": kind, "status": "success", "gateway": "Bank Deposit",
                "amount": amount, "currency": "USD" })
    };
    let noted = |body: Value, topic: &str| shopify(body.to_string()).with("x-shopify-topic", topic);
    shop.send(&noted(transaction(1, "sale", "100.00"), "order_transactions/create")).await;
    shop.env.quiet().await;
    assert_eq!(shop.env.count::<OrderAccepted>(&order_id).await, 0, "5.00 are still to be paid");
    shop.send(&noted(transaction(2, "sale", "5.00"), "order_transactions/create")).await;
    let accepted: OrderAccepted = shop.env.expect(&order_id).await;
    assert_eq!(paid(accepted.order.as_ref().unwrap()), [("shop", 10_000), ("shop", 500)]);
    shop.captured(&order_id).await;
    let refund = json!({ "id": 9, "order_id": 6_200_000_005_042_u64, "transactions": [transaction(3, "refund", "7.00")] });
    shop.send(&noted(refund, "refunds/create")).await;
    let sql = "select sum(elsewhere_minor)::int8 from payments.tender where order_id = $1";
    eventually("it is booked", async || {
        let booked: i64 = shop.env.db().await.query_one(sql, &[&order_id]).await.unwrap().get(0);
        (booked == 700).then_some(())
    })
    .await;
    shop.env.quiet().await;
    assert!(shop.env.messages("dead.>").await.is_empty());
}

/// A part that the order itself contains is no further money.
#[tokio::test]
async fn a_transaction_of_what_the_order_says_is_paid_pays_nothing_more() {
    let shop = Shop::open().await;
    let partly = PENDING.replace(
        r#""financial_status": "pending""#,
        r#""financial_status": "partially_paid", "total_outstanding": "55.00""#,
    );
    let mut order: Value = serde_json::from_str(&partly).unwrap();
    order["total_outstanding"] = json!("55.00");
    let order_id = shop.send(&webhook(&order.to_string())).await;
    let sale = |id: u64, amount: &str| {
        let sale = json!({ "id": id, "order_id": 6_200_000_005_042_u64, "kind": "sale", "status": "success",
                           "gateway": "gift_card", "amount": amount, "currency": "USD" });
        shopify(sale.to_string()).with("x-shopify-topic", "order_transactions/create")
    };
    shop.send(&sale(1, "50.00")).await;
    shop.env.quiet().await;
    assert_eq!(shop.env.count::<OrderAccepted>(&order_id).await, 0, "55.00 are still to be paid");
    shop.send(&sale(2, "55.00")).await;
    let accepted: OrderAccepted = shop.env.expect(&order_id).await;
    assert_eq!(paid(accepted.order.as_ref().unwrap()), [("gift-card", 5000), ("gift-card", 5500)]);
}

fn paid(order: &Order) -> Vec<(&str, i64)> {
    order.tenders.iter().map(|tender| (tender.provider.as_str(), tender.amount_minor)).collect()
}

#[tokio::test]
async fn nobody_waits_for_a_payment_longer_than_a_fortnight() {
    let shop = Shop::open().await;
    let order_id = shop.send(&webhook(PENDING)).await;
    shop.env.expect::<OrderPlaced>(&order_id).await;
    shop.env.quiet().await;
    shop.env.advance(std::time::Duration::from_secs(15 * 24 * 3600)).await;
    let given_up = "select 1 from orders.unpaid where given_up_at is not null";
    eventually("it is given up", async || shop.env.db().await.query_opt(given_up, &[]).await.unwrap()).await;
    assert!(shop.env.messages("dead.>").await.is_empty());
    let paid = shopify(PENDING.replace(r#""financial_status": "pending""#, r#""financial_status": "paid""#))
        .with("x-shopify-topic", "orders/paid");
    shop.send(&paid).await;
    assert_eq!(shop.env.expect_dead(&order_id).await.reason, "paid-too-late");
}
