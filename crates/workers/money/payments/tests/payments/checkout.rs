//! A shop's checkout: payments running against a sandbox of its own, and a customer's authorisations.

use std::collections::BTreeMap;

use despatch_contracts::Subject;
use despatch_contracts::order::{Order, OrderAccepted};
use despatch_contracts::stock::StockReserved;
use despatch_payments::provider::{AuthorisationStatus, Captured, Provider, ProviderError};
use despatch_payments::stripe::{SecretKey, Stripe, StripeConfig};
use despatch_payments::{Config, ProviderName, worker};
use despatch_read_model::payments::{Payment, payment_of};
use despatch_runtime::{Process, Worker, migrate_all, provision_all};
use despatch_sandbox::{Fault, Operation, Options, OrderCounts, Sandbox, Target};
use despatch_testkit::{TestEnv, order};
use serde_json::Value;
use tokio_postgres::Client;

/// The price of an order here: 130.00 USD, in cents.
pub(crate) const PRICE: i64 = 13_000;

/// The fixture of a test.
pub(crate) struct Checkout {
    pub(crate) env: TestEnv,
    pub(crate) db: Client,
    sandbox: Sandbox,
    config: StripeConfig,
}

impl Checkout {
    /// Opens a checkout with the worker running.
    pub(crate) async fn open() -> Checkout {
        let checkout = Checkout::idle().await;
        checkout.run().await;
        checkout
    }

    /// Opens a checkout without a worker.
    pub(crate) async fn idle() -> Checkout {
        let env = TestEnv::new().await;
        let sandbox = Sandbox::start(Options::default()).await.unwrap();
        let secret_key = SecretKey::from("sk_test_checkout".to_owned());
        let config = StripeConfig {
            base_url: sandbox.stripe_url(),
            secret_key,
            timeout_ms: 10_000,
            order_keys: BTreeMap::new(),
        };
        let db = env.db().await;
        Checkout { env, db, sandbox, config }
    }

    /// Runs the worker in one more process.
    pub(crate) async fn run(&self) {
        self.env.run(worker_of(&self.config)).await;
    }

    /// Runs the worker in a process that the test ends itself.
    pub(crate) async fn process(&self) -> Process {
        let process =
            Process::start(self.env.settings().clone(), vec![worker_of(&self.config)]).await.unwrap();
        process.health().until_ready().await;
        process
    }

    /// Prepares the servers for the worker, so that events can be delivered before it runs.
    pub(crate) async fn prepare(&self) {
        migrate_all(self.env.settings(), &[worker_of(&self.config)]).await.unwrap();
        provision_all(self.env.settings(), &[worker_of(&self.config)]).await.unwrap();
    }

    /// The address of the sandbox's Stripe.
    pub(crate) fn stripe_url(&self) -> &str {
        &self.config.base_url
    }

    /// An order for which a customer has authorised 130.00 USD at the sandbox.
    pub(crate) async fn order(&self, order_id: &str) -> Order {
        self.order_of(order_id, PRICE, "usd").await
    }

    /// An order of 130.00 USD for which the customer has really authorised this much.
    pub(crate) async fn order_of(&self, order_id: &str, amount: i64, currency: &str) -> Order {
        let mut order = order(order_id);
        let tender = &mut order.tenders[0];
        tender.provider = "stripe".into();
        tender.reference = self.authorise(order_id, (amount, currency), "pm_card_visa").await;
        order
    }

    /// An order for which a customer has authorised 130.00 USD with one of Stripe's test cards.
    pub(crate) async fn order_with(&self, order_id: &str, card: &str) -> Order {
        let mut order = order(order_id);
        let tender = &mut order.tenders[0];
        tender.provider = "stripe".into();
        tender.reference = self.authorise(order_id, (PRICE, "usd"), card).await;
        order
    }

    /// Does at Stripe what a person does in its dashboard, and returns Stripe's answer.
    pub(crate) async fn in_dashboard(&self, path: &str, form: &[(&str, &str)]) -> Value {
        let url = format!("{}/v1/{path}", self.sandbox.stripe_url());
        let sent = reqwest::Client::new().post(url).bearer_auth("sk_test_checkout").form(form).send().await;
        sent.unwrap().error_for_status().unwrap().json().await.unwrap()
    }

    /// The dispute of the order's payment, if there is one.
    pub(crate) async fn dispute_of(&self, order: &Order) -> Option<Value> {
        let mut list = self.read(&format!("disputes?payment_intent={}", reference(order))).await;
        list["data"].as_array_mut().unwrap().pop()
    }

    /// The id of the review of the order's payment, if it is under one.
    pub(crate) async fn review_of(&self, order: &Order) -> Option<String> {
        let intent = self.read(&format!("payment_intents/{}", reference(order))).await;
        intent["review"].as_str().map(str::to_owned)
    }

    async fn read(&self, path: &str) -> Value {
        let url = format!("{}/v1/{path}", self.sandbox.stripe_url());
        let sent = reqwest::Client::new().get(url).bearer_auth("sk_test_checkout").send().await;
        sent.unwrap().error_for_status().unwrap().json().await.unwrap()
    }

    async fn authorise(&self, order_id: &str, (amount, currency): (i64, &str), card: &str) -> String {
        let amount = amount.to_string();
        let form = [
            ("amount", amount.as_str()),
            ("currency", currency),
            ("capture_method", "manual"),
            ("confirm", "true"),
            ("payment_method", card),
            ("metadata[order_id]", order_id),
        ];
        let intent = self.in_dashboard("payment_intents", &form).await;
        intent["id"].as_str().unwrap().to_owned()
    }

    /// Delivers the event that the order's stock is reserved.
    pub(crate) async fn reserve(&self, order: &Order) {
        self.env.deliver(&StockReserved { order: Some(order.clone()), ..StockReserved::default() }).await;
    }

    /// Makes the next requests of this kind about the order fail.
    pub(crate) fn fault(&self, operation: Operation, order: &Order, fault: Fault, times: u32) {
        self.sandbox.fault_next(Target { operation, order: order.order_id.clone(), fault, times });
    }

    /// The order's real captures and refunds, by the sandbox's own count.
    pub(crate) fn counts(&self, order: &Order) -> OrderCounts {
        self.sandbox.order_counts(&order.order_id).unwrap()
    }

    /// Captures the payment by hand, not by the worker.
    pub(crate) async fn capture_elsewhere(&self, order: &Order) -> Result<Captured, ProviderError> {
        let amount = despatch_domain::Money::new(order.total_minor, despatch_domain::Currency::USD);
        self.stripe().capture(reference(order), amount, "elsewhere").await
    }

    /// Captures this much of the payment by hand.
    pub(crate) async fn capture_whole(&self, order: &Order, minor: i64) {
        let amount = despatch_domain::Money::new(minor, despatch_domain::Currency::USD);
        self.stripe()
            .capture(reference(order), amount, &format!("elsewhere {}", order.order_id))
            .await
            .unwrap();
    }

    /// Refunds a part of the payment by hand, in the provider's dashboard.
    pub(crate) async fn refund_elsewhere(&self, order: &Order, minor: i64) {
        self.ask_refund_elsewhere(order, minor).await.unwrap().error_for_status().unwrap();
    }

    /// The same, unless less is left. A fault that was meant for the worker may meet this request.
    pub(crate) async fn try_refund_elsewhere(&self, order: &Order, minor: i64) {
        drop(self.ask_refund_elsewhere(order, minor).await);
    }

    async fn ask_refund_elsewhere(&self, order: &Order, minor: i64) -> reqwest::Result<reqwest::Response> {
        let form = [("payment_intent", reference(order)), ("amount", &minor.to_string())];
        let url = format!("{}/v1/refunds", self.sandbox.stripe_url());
        reqwest::Client::new().post(url).bearer_auth("sk_test_checkout").form(&form).send().await
    }

    /// Delivers the event that the order is accepted.
    pub(crate) async fn accept(&self, order: &Order) {
        self.env.deliver(&OrderAccepted { order: Some(order.clone()) }).await;
    }

    /// Voids the authorisation by hand, not by the worker.
    pub(crate) async fn void_elsewhere(&self, order: &Order) -> Result<(), ProviderError> {
        self.stripe().void(reference(order), "elsewhere").await
    }

    /// The authorisation's status at the sandbox.
    pub(crate) async fn authorisation_status(&self, order: &Order) -> AuthorisationStatus {
        self.stripe().look_up(reference(order)).await.unwrap().status
    }

    fn stripe(&self) -> Stripe {
        Stripe::new(&self.config).unwrap()
    }

    /// The order's payment, as payments has it.
    pub(crate) async fn payment(&self, order: &Order) -> Option<Payment> {
        payment_of(&self.db, &order.order_id).await.unwrap()
    }

    /// The number of idempotency keys that an operation of the order has used.
    pub(crate) async fn keys(&self, order: &Order, operation: &str) -> i64 {
        let sql = "SELECT count(*) FROM payments.effect WHERE subject = $1 AND operation = $2";
        let subject = Subject::order(&order.order_id).to_string();
        self.db.query_one(sql, &[&subject, &operation]).await.unwrap().get(0)
    }
}

/// The worker with this Stripe.
pub(crate) fn worker_of(stripe: &StripeConfig) -> Worker {
    worker(&Config { provider: ProviderName::Stripe, stripe: stripe.clone() }).unwrap()
}

/// The provider's name of the authorisation.
pub(crate) fn reference(order: &Order) -> &str {
    &order.tenders[0].reference
}
