//! A shop's side of the wires: HTTP clients for a sandbox of their own.

use std::time::Duration;

use despatch_sandbox::{Options, Sandbox};
use reqwest::header::HeaderMap;
use reqwest::{Client, Method, Url};
use serde_json::{Value, json};

/// A sandbox and a client for it.
pub(crate) struct Shop {
    pub(crate) sandbox: Sandbox,
    pub(crate) http: Client,
}

/// An answer, read to its end.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
}

impl Answer {
    pub(crate) fn text(&self, name: &str) -> &str {
        self.body[name].as_str().unwrap_or_else(|| panic!("no {name} in {}", self.body))
    }

    /// `type` and `code` of Stripe's error.
    pub(crate) fn error(&self) -> (&str, &str) {
        let error = &self.body["error"];
        (error["type"].as_str().unwrap_or_default(), error["code"].as_str().unwrap_or_default())
    }

    pub(crate) fn replayed(&self) -> bool {
        self.headers.get("idempotent-replayed").is_some_and(|value| value == "true")
    }
}

impl Shop {
    pub(crate) async fn open() -> Self {
        Self::with(Options::default()).await
    }

    pub(crate) async fn with(options: Options) -> Self {
        // Every test of this process installs the same one; only the first succeeds.
        drop(rustls::crypto::ring::default_provider().install_default());
        let http = Client::builder().timeout(Duration::from_secs(30)).build().unwrap();
        Self { sandbox: Sandbox::start(options).await.unwrap(), http }
    }

    pub(crate) async fn try_stripe(
        &self,
        method: Method,
        path: &str,
        form: &[(&str, &str)],
        key: Option<&str>,
    ) -> Result<Answer, reqwest::Error> {
        let mut request = self.http.request(method.clone(), format!("{}{path}", self.sandbox.stripe_url()));
        request = request.bearer_auth("sk_test_123");
        if let Some(key) = key {
            request = request.header("Idempotency-Key", key);
        }
        request = if method == Method::GET { request.query(form) } else { request.form(form) };
        read(request.send().await?).await
    }

    /// POSTs to Stripe.
    pub(crate) async fn stripe(&self, path: &str, form: &[(&str, &str)], key: &str) -> Answer {
        self.try_stripe(Method::POST, path, form, Some(key)).await.unwrap()
    }

    /// Authorises `amount` USD cents for `order` and gives the intent's id.
    pub(crate) async fn authorise(&self, order: &str, amount: &str) -> String {
        let answer = self.stripe("/v1/payment_intents", &authorisation(order, amount), order).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer.text("id").to_owned()
    }

    pub(crate) async fn capture(&self, intent: &str, key: &str) -> Answer {
        self.stripe(&format!("/v1/payment_intents/{intent}/capture"), &[], key).await
    }

    pub(crate) async fn try_shippo(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Answer, reqwest::Error> {
        let url = Url::parse(&self.sandbox.shippo_url()).unwrap().join(path).unwrap();
        let mut request = self.http.request(method, url).header("Authorization", "ShippoToken shippo_test_1");
        if let Some(body) = body {
            request = request.json(body);
        }
        read(request.send().await?).await
    }

    pub(crate) async fn shippo(&self, path: &str, body: &Value) -> Answer {
        self.try_shippo(Method::POST, path, Some(body)).await.unwrap()
    }

    pub(crate) async fn shippo_get(&self, path: &str) -> Answer {
        self.try_shippo(Method::GET, path, None).await.unwrap()
    }

    /// Creates a shipment for `metadata` and gives its cheapest rate.
    pub(crate) async fn rate(&self, metadata: &str) -> String {
        let answer = self.shippo("/shipments", &shipment(metadata)).await;
        assert_eq!(answer.status, 201, "{}", answer.body);
        answer.body["rates"][0]["object_id"].as_str().unwrap().to_owned()
    }

    /// Buys a label for `metadata`, such as `order/1`.
    pub(crate) async fn buy(&self, metadata: &str) -> Answer {
        let rate = self.rate(metadata).await;
        self.shippo("/transactions", &purchase(&rate, metadata)).await
    }

    pub(crate) async fn control(&self, method: Method, path: &str, body: Option<&Value>) -> Answer {
        let mut request = self.http.request(method, format!("{}{path}", self.sandbox.control_url()));
        if let Some(body) = body {
            request = request.json(body);
        }
        read(request.send().await.unwrap()).await.unwrap()
    }
}

/// Returns the checkout's request.
pub(crate) fn authorisation<'a>(order: &'a str, amount: &'a str) -> [(&'a str, &'a str); 6] {
    [
        ("amount", amount),
        ("currency", "usd"),
        ("capture_method", "manual"),
        ("confirm", "true"),
        ("payment_method", "pm_card_visa"),
        ("metadata[order_id]", order),
    ]
}

pub(crate) fn shipment(metadata: &str) -> Value {
    let address = |name| {
        json!({
            "name": name,
            "street1": "1 Main St",
            "city": "Henderson",
            "state": "KY",
            "zip": "42420",
            "country": "US",
        })
    };
    json!({
        "address_from": address("Warehouse"),
        "address_to": address("Claire Gute"),
        "parcels": [{
            "length": "30", "width": "20", "height": "10", "distance_unit": "cm",
            "weight": "1200", "mass_unit": "g",
        }],
        "metadata": metadata,
        "async": false,
    })
}

pub(crate) fn purchase(rate: &str, metadata: &str) -> Value {
    json!({ "rate": rate, "label_file_type": "PDF_4x6", "metadata": metadata, "async": false })
}

/// Asks until `done` says yes, for at most 20 seconds.
pub(crate) async fn eventually(what: &str, mut done: impl AsyncFnMut() -> bool) {
    let mut ticks = tokio::time::interval(Duration::from_millis(5));
    let asking = async {
        while !done().await {
            ticks.tick().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), asking).await.unwrap_or_else(|_| panic!("never: {what}"));
}

async fn read(response: reqwest::Response) -> Result<Answer, reqwest::Error> {
    let status = response.status().as_u16();
    let headers = response.headers().clone();
    let bytes = response.bytes().await?;
    let body = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
    Ok(Answer { status, headers, body })
}
