//! A gateway for one test, and a client for it.

use std::net::SocketAddr;

use bytes::Bytes;
use despatch_gateway::{Config, GatewayError, Secret, Shop};
use despatch_read_model::ReadModel;
use despatch_runtime::{Process, Settings, Worker};
use despatch_testkit::TestEnv;
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::{CancellationToken, DropGuard};

pub(crate) const API_KEY: &str = "test-api-key";
pub(crate) const SHOP_SECRET: &str = "test-shop-secret";
pub(crate) const LINK_SECRET: &str = "test-link-secret-of-32-bytes-or-more";
pub(crate) const FORMER_LINK_SECRET: &str = "the-link-secret-before-of-32-bytes";
pub(crate) const STRIPE_SECRET: &str = "whsec_test";
const SHIPPO_TOKEN: &str = "test-shippo-token";
pub(crate) const BODY_LIMIT: usize = 1024 * 1024;

pub(crate) const SHOPIFY_SAMPLE: &str =
    include_str!("../../../../../data/webhooks/shopify_order_created.json");
pub(crate) const WOOCOMMERCE_SAMPLE: &str =
    include_str!("../../../../../data/webhooks/woocommerce_order_created.json");

/// A gateway that serves until it is dropped.
pub(crate) struct TestGateway {
    address: SocketAddr,
    client: Client<HttpConnector, Full<Bytes>>,
    serving: JoinHandle<Result<(), GatewayError>>,
    shutdown: DropGuard,
}

impl TestGateway {
    /// Starts a gateway in an environment, and with it these workers.
    pub(crate) async fn open(env: &TestEnv, workers: Vec<Worker>) -> Self {
        let workers = workers.into_iter().chain([despatch_gateway::worker()]).collect();
        let process = env.run_all(workers).await;
        Self::of(&process, env.settings()).await
    }

    /// Starts a gateway over a process that runs its worker.
    pub(crate) async fn of(process: &Process, settings: &Settings) -> Self {
        Self::configured(process, settings, config()).await
    }

    /// Starts a gateway that accepts this many requests per second of one sender.
    pub(crate) async fn limited(env: &TestEnv, requests_per_second: u32) -> Self {
        let process = env.run(despatch_gateway::worker()).await;
        Self::configured(&process, env.settings(), Config { requests_per_second, ..config() }).await
    }

    /// Starts a gateway with these workers that shows an order's page for so many days after the order's end.
    pub(crate) async fn with_page_days(env: &TestEnv, workers: Vec<Worker>, order_page_days: u32) -> Self {
        let workers = workers.into_iter().chain([despatch_gateway::worker()]).collect();
        let process = env.run_all(workers).await;
        Self::configured(&process, env.settings(), Config { order_page_days, ..config() }).await
    }

    /// Starts a gateway whose requests wait this long for their commit.
    pub(crate) async fn patient(process: &Process, settings: &Settings, commit_wait_ms: u64) -> Self {
        Self::configured(process, settings, Config { commit_wait_ms, ..config() }).await
    }

    async fn configured(process: &Process, settings: &Settings, config: Config) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        let outbox = process.outbox(despatch_gateway::NAME).expect("the process runs the gateway");
        let read_model = ReadModel::new(settings).expect("the URLs are valid");
        let shutdown = CancellationToken::new();
        let served = despatch_gateway::serve(config, outbox, read_model, listener, shutdown.clone());
        let serving = tokio::spawn(served);
        let client = Client::builder(TokioExecutor::new()).build_http();
        TestGateway { address, client, serving, shutdown: shutdown.drop_guard() }
    }

    /// Returns the gateway's URL.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Tells the gateway to stop, and waits until it has.
    pub(crate) async fn close(self) -> Result<(), GatewayError> {
        drop(self.shutdown);
        self.serving.await.expect("the gateway does not panic")
    }

    /// Sends a request and waits for its answer.
    pub(crate) async fn send(&self, request: Request) -> Answer {
        let mut http = axum::http::Request::builder()
            .method(request.method)
            .uri(format!("http://{}{}", self.address, request.path));
        for (name, value) in &request.headers {
            http = http.header(*name, value);
        }
        let http = http.body(Full::from(request.body)).expect("a request");
        let response = self.client.request(http).await.expect("the gateway answers");
        let (parts, body) = response.into_parts();
        let body = body.collect().await.expect("a whole answer").to_bytes();
        Answer { status: parts.status.as_u16(), headers: parts.headers, body }
    }
}

/// A request.
#[derive(Clone)]
pub(crate) struct Request {
    pub(crate) method: &'static str,
    pub(crate) path: String,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Vec<u8>,
}

impl Request {
    pub(crate) fn new(method: &'static str, path: impl Into<String>) -> Self {
        Request { method, path: path.into(), headers: Vec::new(), body: Vec::new() }
    }

    pub(crate) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.retain(|(known, _)| *known != name);
        self.headers.push((name, value.into()));
        self
    }

    pub(crate) fn without(mut self, name: &str) -> Self {
        self.headers.retain(|(known, _)| *known != name);
        self
    }

    pub(crate) fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    /// Adds the API key.
    pub(crate) fn trusted(self) -> Self {
        self.with("authorization", format!("Bearer {API_KEY}"))
    }
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    headers: axum::http::HeaderMap,
    pub(crate) body: Bytes,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }

    /// Returns a header's text; empty if there is none.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// The order's id, if the answer names one.
    pub(crate) fn order_id(&self) -> String {
        self.json()["order_id"].as_str().unwrap_or_default().to_owned()
    }
}

/// Creates `POST /v1/orders` with an API key.
pub(crate) fn place(order: &Value) -> Request {
    Request::new("POST", "/v1/orders").trusted().body(order.to_string())
}

/// Creates Shopify's webhook, signed.
pub(crate) fn shopify(body: impl Into<Vec<u8>>) -> Request {
    let body = body.into();
    Request::new("POST", "/webhooks/shopify")
        .with("x-shopify-shop-domain", "north.myshopify.com")
        .with("x-shopify-topic", "orders/create")
        .with("x-shopify-hmac-sha256", signature(&body))
        .body(body)
}

/// Creates WooCommerce's webhook, signed.
pub(crate) fn woocommerce(body: impl Into<Vec<u8>>) -> Request {
    let body = body.into();
    Request::new("POST", "/webhooks/woocommerce")
        .with("x-wc-webhook-source", "https://south.example.com/")
        .with("x-wc-webhook-topic", "order.created")
        .with("x-wc-webhook-signature", signature(&body))
        .body(body)
}

/// Creates Shippo's webhook, with its token.
pub(crate) fn shippo(body: &Value) -> Request {
    Request::new("POST", format!("/webhooks/shippo?token={SHIPPO_TOKEN}")).body(body.to_string())
}

/// Returns a valid order.
pub(crate) fn order(shop_order_id: &str) -> Value {
    despatch_testkit::order_json("api-shop", shop_order_id)
}

pub(crate) fn signature(body: &[u8]) -> String {
    despatch_scenario::shopify::signature(SHOP_SECRET, body)
}

fn config() -> Config {
    let shop = |name: &str, source: &str| Shop {
        name: name.to_owned(),
        source: source.to_owned(),
        secrets: vec![Secret::new("the secret before"), Secret::new(SHOP_SECRET)],
        test: false,
    };
    Config {
        listen: ([127, 0, 0, 1], 0).into(),
        body_limit_bytes: BODY_LIMIT,
        requests_per_second: 0,
        connections: 1000,
        connections_per_address: 0,
        trusted_proxies: Vec::new(),
        batch: 256,
        commit_wait_ms: 20_000,
        retry_after_seconds: 5,
        api_keys: vec![Secret::new(API_KEY)],
        shop_name: "Quay Street Supplies".to_owned(),
        link_secret: Secret::new(LINK_SECRET),
        former_link_secrets: vec![Secret::new(FORMER_LINK_SECRET)],
        order_page_days: 90,
        shopify: vec![shop("north", "north.myshopify.com")],
        woocommerce: vec![shop("south", "https://south.example.com")],
        shippo_tokens: vec![Secret::new(SHIPPO_TOKEN)],
        stripe_secrets: vec![Secret::new(STRIPE_SECRET)],
    }
}
