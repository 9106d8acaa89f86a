//! Sends a shop's webhooks to a gateway, signed as Shopify signs them.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use reqwest::{Client, StatusCode};
use serde::Deserialize;
use sha2::Sha256;

use super::history::ShopWord;

/// The domain by which the gateway knows the shop.
const SOURCE: &str = "north.myshopify.com";

/// The secret that signs its webhooks.
const SECRET: &str = "the secret of the shop's webhooks";

/// The shop's name at despatch.
const NAME: &str = "north";

/// How long one try may take.
const TIMEOUT: Duration = Duration::from_secs(30);

/// The pause before a webhook that was not accepted is sent again.
const AGAIN: Duration = Duration::from_millis(100);

/// A shop that sends its webhooks to a gateway.
#[derive(Clone)]
pub struct ShopSender {
    http: Client,
    url: String,
}

/// Why a webhook was given up.
#[derive(Debug, thiserror::Error)]
pub enum WebhookError {
    /// The gateway refuses it, which Shopify would try again only for a while.
    #[error("{topic}: {status}: {answer}")]
    Refused {
        /// Its topic.
        topic: &'static str,
        /// The HTTP status.
        status: StatusCode,
        /// The body of the answer.
        answer: String,
    },
    /// The answer is not the gateway's.
    #[error(transparent)]
    Answer(#[from] serde_json::Error),
}

/// The gateway's answer.
#[derive(Deserialize)]
struct Followed {
    order_id: String,
}

/// Returns the configuration by which a gateway knows the shop, in TOML.
pub fn shop_configuration() -> String {
    format!("[[gateway.shopify]]\nname = \"{NAME}\"\nsource = \"{SOURCE}\"\nsecrets = [\"{SECRET}\"]\n")
}

impl ShopSender {
    /// Creates a shop that sends to the gateway at this URL.
    pub fn new(gateway_url: &str) -> Result<Self, reqwest::Error> {
        let http = Client::builder().timeout(TIMEOUT).pool_max_idle_per_host(64).build()?;
        Ok(ShopSender { http, url: format!("{gateway_url}/webhooks/shopify") })
    }

    /// Sends a webhook until the gateway has it. Returns the order's id if the gateway knows the order.
    pub async fn send(&self, word: &ShopWord) -> Result<Option<String>, WebhookError> {
        let body = word.body.to_string();
        let signature = signature(SECRET, body.as_bytes());
        loop {
            let request = self.http.post(&self.url).header("x-shopify-shop-domain", SOURCE);
            let request = request.header("x-shopify-topic", word.topic);
            let request = request.header("x-shopify-hmac-sha256", &signature).body(body.clone());
            let sent = async {
                let answer = request.send().await?;
                Ok::<_, reqwest::Error>((answer.status(), answer.text().await?))
            };
            match sent.await {
                Ok((status, answer)) if status.is_success() => {
                    let followed = (!answer.is_empty()).then(|| serde_json::from_str::<Followed>(&answer));
                    return Ok(followed.transpose()?.map(|followed| followed.order_id));
                }
                Ok((status, answer)) if !is_temporary(status) => {
                    return Err(WebhookError::Refused { topic: word.topic, status, answer });
                }
                Ok(_) | Err(_) => tokio::time::sleep(AGAIN).await,
            }
        }
    }
}

fn is_temporary(status: StatusCode) -> bool {
    status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS
}

/// Signs a webhook as Shopify and WooCommerce do.
#[allow(clippy::expect_used, reason = "an HMAC takes keys of any length")]
pub fn signature(secret: &str, body: &[u8]) -> String {
    let key = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("HMAC takes keys of any length");
    STANDARD.encode(key.chain_update(body).finalize().into_bytes())
}
