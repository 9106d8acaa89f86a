//! A deployment as in Kubernetes, on loopback: servers, stand-in providers, and `despatch run` processes that are told
//! by their environment where those are. The shop that places orders is here too.

use std::collections::BTreeMap;
use std::process::Command;

use despatch_inventory::store::{Location, open_locations, receive};
use despatch_sandbox::{Counts, Faults, Operation, Options, Rates, Sandbox};
use despatch_testkit::TestEnv;
use futures_util::StreamExt;
use futures_util::stream;
use serde_json::{Value, json};

use crate::child::{Despatch, Ended, despatch};
use crate::until::until;

pub(crate) const API_KEY: &str = "the shop's key";
pub(crate) const WEBHOOK_TOKEN: &str = "the carrier's token";
const SKU: &str = "SKU-A";

pub(crate) struct Deployment {
    // Processes stop before the servers do.
    pub(crate) env: TestEnv,
    pub(crate) sandbox: Sandbox,
    environment: BTreeMap<&'static str, String>,
    client: reqwest::Client,
}

impl Deployment {
    /// Servers and providers; nothing runs yet. `settings` are further environment variables.
    pub(crate) async fn new(settings: &[(&'static str, &str)]) -> Self {
        // Another test may have installed it already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let env = TestEnv::new().await;
        let sandbox = Sandbox::start(Options { faults: sluggish(), ..Options::default() }).await.unwrap();
        let servers = env.settings();
        let mut environment = BTreeMap::from([
            ("DESPATCH_NATS_URL", servers.nats_url.clone()),
            ("DESPATCH_DATABASE_URL", servers.database_url.clone()),
            ("DESPATCH_RUNTIME_NAMESPACE", servers.namespace.clone()),
            ("DESPATCH_HEALTH_LISTEN", String::new()),
            ("DESPATCH_GATEWAY_LISTEN", "127.0.0.1:0".into()),
            ("DESPATCH_GATEWAY_API_KEYS", API_KEY.into()),
            ("DESPATCH_LINKS_SECRET", "the secret of the links, at least 32 bytes".into()),
            ("DESPATCH_SHOP_PUBLIC_URL", "http://shop.invalid".into()),
            ("DESPATCH_SHIPPO_WEBHOOK_TOKENS", WEBHOOK_TOKEN.into()),
            ("DESPATCH_REVIEWS_REMINDERS_SECONDS", String::new()),
            ("DESPATCH_REVIEWS_LAPSE_AFTER_SECONDS", "1".into()),
            ("DESPATCH_RUNTIME_CONNECTIONS", "4".into()),
        ]);
        environment.extend(sandbox.environment());
        environment.extend(settings.iter().map(|(name, value)| (*name, (*value).to_owned())));
        Deployment { env, sandbox, environment, client: reqwest::Client::new() }
    }

    /// Starts a process with these workers. Returns once it is at work on its schemas and consumers.
    pub(crate) fn run(&self, workers: &[&str]) -> Despatch {
        Despatch::start(&mut self.command(workers))
    }

    /// The command that runs a process with these workers.
    pub(crate) fn command(&self, workers: &[&str]) -> Command {
        let mut command = despatch(["run"]);
        command.args(workers).envs(&self.environment);
        command
    }

    /// Runs a command of it that ends by itself.
    pub(crate) async fn does(&self, args: &[&str]) -> Ended {
        Despatch::run(despatch(args).envs(&self.environment)).await
    }

    /// Starts a process whose health and metrics are served at this address.
    pub(crate) fn run_observed(&self, workers: &[&str], health: &str) -> Despatch {
        Despatch::start(self.command(workers).env("DESPATCH_HEALTH_LISTEN", health))
    }

    /// Starts a process with these workers and the gateway, brings stock in and points the carrier at it.
    pub(crate) async fn run_with_gateway(&self, workers: &[&str], units: i64) -> (Despatch, Shop<'_>) {
        let process = self.run(&[&["gateway"], workers].concat());
        let gateway_url = self.gateway_url(&process).await;
        self.scan(&gateway_url);
        stock(&self.env.db().await, units).await;
        (process, Shop { deployment: self, gateway_url })
    }

    /// Returns the URL of a process's gateway, once it listens and stock can come in.
    pub(crate) async fn gateway_url(&self, process: &Despatch) -> String {
        let gateway_url = until("the gateway listens", async || {
            let log = process.stderr();
            let line = log.lines().find(|line| line.contains("gateway listens"))?;
            Some(format!("http://{}", line.split_once("address=")?.1))
        })
        .await;
        let db = self.env.db().await;
        until("inventory has its schema", async || {
            let row = db.query_one("select to_regclass('inventory.receipt') is not null", &[]).await.unwrap();
            row.get::<_, bool>(0).then_some(())
        })
        .await;
        gateway_url
    }

    /// Lets the carrier's scans through to a gateway, those of parcels that have their labels already among them.
    pub(crate) fn scan(&self, gateway_url: &str) {
        self.sandbox.set_webhook_target(gateway_url, Some(WEBHOOK_TOKEN)).unwrap();
    }

    /// Waits until so many orders are completed and nothing is left to do; answers what the providers saw.
    pub(crate) async fn completes(&self, orders: u64) -> Counts {
        let db = self.env.db().await;
        until(&format!("{orders} orders complete"), async || {
            let sql = "select count(*) from orders.progress where state = 'completed'";
            let completed: i64 = db.query_one(sql, &[]).await.unwrap().get(0);
            (u64::try_from(completed).unwrap() == orders).then_some(())
        })
        .await;
        self.env.quiet().await;
        assert_eq!(self.env.messages("dead.>").await, [], "nothing is dead-lettered");
        self.sandbox.counts()
    }
}

/// Payments and labels take their time, and some of their answers are lost after the effect took place: whenever a
/// process goes, it goes in the middle of something.
fn sluggish() -> Faults {
    let rates = Rates { slow: 0.7, timeout: 0.2, ..Rates::default() };
    let rates = BTreeMap::from([(Operation::Capture, rates), (Operation::Label, rates)]);
    Faults { seed: 11, rates, slow_ms: 200, withhold_ms: 200 }
}

/// A shop that places orders of one unit at a gateway.
pub(crate) struct Shop<'d> {
    deployment: &'d Deployment,
    gateway_url: String,
}

impl<'d> Shop<'d> {
    /// A shop that places its orders at this address.
    pub(crate) fn at(deployment: &'d Deployment, gateway_url: String) -> Self {
        Shop { deployment, gateway_url }
    }

    /// Places the orders of these numbers; returns when all of them are accepted.
    pub(crate) async fn place(&self, numbers: std::ops::Range<u64>) {
        let placing = stream::iter(numbers).map(|number| self.place_one(number));
        placing.buffer_unordered(8).collect::<Vec<()>>().await;
    }

    async fn place_one(&self, number: u64) {
        let client = &self.deployment.client;
        let order = checked_out(&self.deployment.sandbox.stripe_url(), number).await;
        let url = format!("{}/v1/orders", self.gateway_url);
        // A shop that is asked to send it again, as while the gateway's tables are being made, does so.
        until("the order is accepted", async || {
            let answer = client.post(&url).bearer_auth(API_KEY).json(&order).send().await.unwrap();
            if answer.status() == 503 {
                return None;
            }
            // An order that was stored although its sender was told to send it again is the same order.
            assert!([200, 201].contains(&answer.status().as_u16()), "{}", answer.text().await.unwrap());
            Some(())
        })
        .await;
    }
}

/// Receives units of what test orders want.
pub(crate) async fn stock(db: &tokio_postgres::Client, units: i64) {
    let location = Location {
        id: "louisville".into(),
        name: "Louisville".into(),
        country: "US".into(),
        region: "KY".into(),
        rank: 1,
    };
    open_locations(db, &[location]).await.unwrap();
    receive(db, "opening", &[(SKU, "louisville", units)]).await.unwrap();
}

/// An order of one unit whose payment checkout has authorised.
pub(crate) async fn checked_out(stripe_url: &str, number: u64) -> Value {
    let form = [
        ("amount", "1299"),
        ("currency", "usd"),
        ("capture_method", "manual"),
        ("confirm", "true"),
        ("payment_method", "pm_card_visa"),
        ("metadata[order_id]", &number.to_string()),
    ];
    let request = reqwest::Client::new().post(format!("{stripe_url}/v1/payment_intents"));
    let intent = request.bearer_auth("sk_test_sandbox").form(&form).send().await.unwrap();
    let intent: Value = intent.error_for_status().unwrap().json().await.unwrap();
    order(number, intent["id"].as_str())
}

/// An order of one unit, as `POST /v1/orders` takes it.
pub(crate) fn order(number: u64, authorisation: Option<&str>) -> Value {
    let mut order = json!({
        "shop": "test",
        "shop_order_id": number.to_string(),
        "placed_at": "2026-05-04T12:00:00Z",
        "customer": { "customer_id": "C-1", "name": "Zoë Müller", "email": "zoe@example.com" },
        "ship_to": {
            "name": "Zoë Müller", "street1": "1 Main Street", "city": "Henderson", "region": "KY",
            "postcode": "42420", "country": "US",
        },
        "lines": [{ "sku": SKU, "title": "Stapler", "quantity": 1, "total": "12.99" }],
        "currency": "USD",
        "total": "12.99",
        "service_level": "standard",
    });
    if let Some(reference) = authorisation {
        order["authorisation"] = json!({ "provider": "stripe", "reference": reference, "amount": "12.99" });
    }
    order
}

/// An address of this machine that is free now.
pub(crate) fn free_address() -> String {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string()
}
