//! A client of a gateway: it places orders as a shop's checkout does, and sends what an operator asks for.

use std::time::Duration;

use reqwest::{Client, Method, RequestBuilder, Response, StatusCode};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// Most tries of a request to a server that does not answer or asks to come back.
const TRIES: u32 = 20;

/// How long one try may take.
const TIMEOUT: Duration = Duration::from_secs(30);

/// A gateway and its API key.
#[derive(Clone)]
pub struct GatewayClient {
    http: Client,
    base: String,
    /// Of the orders.
    url: String,
    api_key: String,
}

/// An order that the gateway has.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Placed {
    /// Its id at despatch.
    pub order_id: String,
    /// Whether it is new there.
    pub outcome: PlaceOutcome,
}

/// Whether an order that was placed is new.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum PlaceOutcome {
    /// It is.
    Placed,
    /// The same order was there already.
    Same,
}

/// Why an order was not placed.
#[derive(Debug, thiserror::Error)]
pub enum PlaceError {
    /// The gateway was unreachable or broke off, at each of many tries.
    #[error("expected an answer of the gateway, found none: {0}")]
    Unreachable(#[from] reqwest::Error),
    /// The gateway refuses the order. Trying again does not help.
    #[error("{status}: {answer}")]
    Refused {
        /// The HTTP status.
        status: StatusCode,
        /// The body of the answer.
        answer: String,
    },
}

impl GatewayClient {
    /// Creates a client of the gateway at `url`.
    pub fn new(url: &str, api_key: &str) -> Result<Self, reqwest::Error> {
        let http = Client::builder().timeout(TIMEOUT).pool_max_idle_per_host(64).build()?;
        let base = url.trim_end_matches('/').to_owned();
        let url = format!("{base}/v1/orders");
        Ok(GatewayClient { http, base, url, api_key: api_key.to_owned() })
    }

    /// Places an order, the body of `POST /v1/orders`. Placing the same order again changes nothing.
    pub async fn place(&self, order: &impl Serialize) -> Result<Placed, PlaceError> {
        let request = || self.http.post(&self.url).bearer_auth(&self.api_key).json(order);
        Ok(accepted(send_until_answered(request).await?).await?.json().await?)
    }

    /// Asks for an order to be cancelled. The gateway has the command when this returns; whether the order's state still
    /// allows it shows in the order's timeline.
    pub async fn cancel(&self, order_id: &str, request: &impl Serialize) -> Result<(), PlaceError> {
        let url = format!("{}/{order_id}/cancel", self.url);
        let request = || self.http.post(&url).bearer_auth(&self.api_key).json(request);
        accepted(send_until_answered(request).await?).await?;
        Ok(())
    }

    /// Notes that the customer collected what was ready of an order.
    pub async fn collected(&self, order_id: &str, request: &impl Serialize) -> Result<(), PlaceError> {
        let url = format!("{}/{order_id}/collected", self.url);
        let request = || self.http.post(&url).bearer_auth(&self.api_key).json(request);
        accepted(send_until_answered(request).await?).await?;
        Ok(())
    }

    /// Asks for a refund of an order. The request's JSON is that of `POST /v1/orders/{order_id}/refunds`.
    pub async fn refund(&self, order_id: &str, request: &impl Serialize) -> Result<(), PlaceError> {
        let url = format!("{}/{order_id}/refunds", self.url);
        let request = || self.http.post(&url).bearer_auth(&self.api_key).json(request);
        accepted(send_until_answered(request).await?).await?;
        Ok(())
    }

    /// Sends a command, which must be one that may come again. `path` begins with a slash.
    pub async fn send<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        command: &impl Serialize,
    ) -> Result<T, PlaceError> {
        let url = format!("{}{path}", self.base);
        let request = || self.http.request(method.clone(), &url).bearer_auth(&self.api_key).json(command);
        Ok(accepted(send_until_answered(request).await?).await?.json().await?)
    }

    /// Reads. `path` begins with a slash and is followed by the parameters.
    pub async fn get<T: DeserializeOwned>(
        &self,
        path: &str,
        params: &[(&str, &str)],
    ) -> Result<T, PlaceError> {
        let url = format!("{}{path}", self.base);
        let request = || self.http.get(&url).query(params).bearer_auth(&self.api_key);
        Ok(accepted(send_until_answered(request).await?).await?.json().await?)
    }

    /// Asks once, without a second try, whether a server is there at all.
    pub async fn is_there(&self) -> Result<(), reqwest::Error> {
        self.http.get(&self.url).send().await.map(|_| ())
    }
}

/// An answer that is a success.
async fn accepted(answer: Response) -> Result<Response, PlaceError> {
    let status = answer.status();
    if status.is_success() {
        return Ok(answer);
    }
    Err(PlaceError::Refused { status, answer: answer.text().await? })
}

/// Sends a request until its answer is final: neither a server error nor "too many requests". The request must be
/// repeatable.
pub async fn send_until_answered(request: impl Fn() -> RequestBuilder) -> Result<Response, reqwest::Error> {
    let mut tries = 0;
    loop {
        tries += 1;
        match request().send().await {
            Ok(answer) if tries < TRIES && is_temporary(answer.status()) => {}
            Err(_) if tries < TRIES => {}
            outcome => return outcome,
        }
        tokio::time::sleep(Duration::from_millis(100 * u64::from(tries))).await;
    }
}

fn is_temporary(status: StatusCode) -> bool {
    status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS
}
