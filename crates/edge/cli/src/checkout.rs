//! Placing orders as a shop does: the checkout authorises the payment, then the order goes to the gateway.

use std::time::Duration;

use despatch_domain::{Currency, Money};
use despatch_order_files::FileOrder;
use reqwest::{Client, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};

/// A till: it places orders at one gateway.
#[derive(Clone)]
pub struct Till {
    client: Client,
    gateway_url: String,
    api_key: String,
    /// Where payments are authorised first; nowhere when the orders bring their authorisation along.
    stripe_url: Option<String>,
}

/// Why an order was not placed.
#[derive(Debug, thiserror::Error)]
pub enum NotPlaced {
    /// The gateway cannot be reached or broke off, however often it was tried.
    #[error("no answer: {0}")]
    Unreachable(#[from] reqwest::Error),
    /// The gateway refuses the order as it is.
    #[error("{status}: {answer}")]
    Refused {
        /// Its status.
        status: StatusCode,
        /// Its body.
        answer: String,
    },
    /// The checkout could not authorise the payment.
    #[error("payment not authorised: {status}: {answer}")]
    NotAuthorised {
        /// The provider's status.
        status: StatusCode,
        /// Its body.
        answer: String,
    },
    /// The order is no JSON object.
    #[error(transparent)]
    Json(#[from] serde_json::Error),
    /// The currency is not one.
    #[error(transparent)]
    Currency(#[from] despatch_domain::UnknownCurrency),
}

/// How often an order is tried at a gateway that does not answer or asks to come back.
const TRIES: u32 = 20;

impl Till {
    /// A till at `gateway_url`; it authorises payments at `stripe_url` if there is one.
    pub fn new(gateway_url: &str, api_key: &str, stripe_url: Option<String>) -> Result<Self, reqwest::Error> {
        let client = Client::builder().timeout(Duration::from_secs(30)).pool_max_idle_per_host(64).build()?;
        Ok(Till { client, gateway_url: gateway_url.to_owned(), api_key: api_key.to_owned(), stripe_url })
    }

    /// Places an order and answers its id. Placing the same order again changes nothing.
    pub async fn place(&self, basket: &FileOrder) -> Result<String, NotPlaced> {
        #[derive(Deserialize)]
        struct Placed {
            order_id: String,
        }
        let mut order = basket.order()?;
        if self.stripe_url.is_some() && order.get("authorisation").is_none() {
            order["authorisation"] = self.authorise(basket).await?;
        }
        let url = format!("{}/v1/orders", self.gateway_url);
        let answer = self.persist(|| self.client.post(&url).bearer_auth(&self.api_key).json(&order)).await?;
        let status = answer.status();
        if !status.is_success() {
            return Err(NotPlaced::Refused { status, answer: answer.text().await? });
        }
        Ok(answer.json::<Placed>().await?.order_id)
    }

    /// What checkout does while the customer waits. The key makes a second authorisation of the same order the first.
    async fn authorise(&self, basket: &FileOrder) -> Result<Value, NotPlaced> {
        #[derive(Deserialize)]
        struct Intent {
            id: String,
        }
        let FileOrder { shop, shop_order_id, currency, total_minor, .. } = basket;
        let url = format!("{}/v1/payment_intents", self.stripe_url.as_deref().unwrap_or_default());
        let form = [
            ("amount", total_minor.to_string()),
            ("currency", currency.to_lowercase()),
            ("capture_method", "manual".to_owned()),
            ("confirm", "true".to_owned()),
            ("payment_method", "pm_card_visa".to_owned()),
            ("metadata[order_id]", format!("{shop}/{shop_order_id}")),
        ];
        let request = || {
            let request = self.client.post(&url).bearer_auth("sk_test_sandbox").form(&form);
            request.header("Idempotency-Key", format!("checkout/{shop}/{shop_order_id}"))
        };
        let answer = self.persist(request).await?;
        let status = answer.status();
        if !status.is_success() {
            return Err(NotPlaced::NotAuthorised { status, answer: answer.text().await? });
        }
        let intent: Intent = answer.json().await?;
        let amount = Money::new(*total_minor, Currency::parse(currency)?).decimal();
        Ok(json!({ "provider": "stripe", "reference": intent.id, "amount": amount }))
    }

    /// Sends a request that may be repeated until it is answered for good.
    async fn persist(
        &self,
        request: impl Fn() -> reqwest::RequestBuilder,
    ) -> Result<reqwest::Response, reqwest::Error> {
        let mut tries = 0;
        loop {
            tries += 1;
            match request().send().await {
                Ok(answer) if tries < TRIES && is_passing(answer.status()) => {}
                Err(_) if tries < TRIES => {}
                outcome => return outcome,
            }
            tokio::time::sleep(Duration::from_millis(100 * u64::from(tries))).await;
        }
    }
}

fn is_passing(status: StatusCode) -> bool {
    status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS
}
