//! Places orders as a shop does: the checkout authorises the payment, then sends the order to the gateway.

use std::time::Duration;

use despatch_domain::{Currency, Money};
use despatch_order_files::{FileOrder, GatewayClient, PlaceError, Placed, send_until_answered};
use reqwest::{Client, StatusCode};
use serde::Deserialize;
use serde_json::json;

use crate::due::due_at_stripe;

/// How long an authorisation may take.
const TIMEOUT: Duration = Duration::from_secs(30);

/// A checkout that places its orders at one gateway.
#[derive(Clone)]
pub struct CheckoutClient {
    gateway: GatewayClient,
    http: Client,
    /// The provider that authorises payments. Without it, orders bring their authorisation along.
    stripe_url: Option<String>,
    /// Whether some orders are paid in other ways, too.
    mixes: bool,
}

/// Why an order was not placed.
#[derive(Debug, thiserror::Error)]
pub enum CheckoutError {
    /// The gateway does not answer, or refuses the order.
    #[error(transparent)]
    NotPlaced(#[from] PlaceError),
    /// The payment was not authorised.
    #[error("payment not authorised: {status}: {answer}")]
    NotAuthorised {
        /// The provider's HTTP status.
        status: StatusCode,
        /// The body of the provider's answer.
        answer: String,
    },
    /// The order is not a JSON object.
    #[error(transparent)]
    Json(#[from] serde_json::Error),
    /// The currency does not exist.
    #[error(transparent)]
    Currency(#[from] despatch_domain::UnknownCurrency),
}

impl From<reqwest::Error> for CheckoutError {
    fn from(error: reqwest::Error) -> Self {
        CheckoutError::NotPlaced(PlaceError::Unreachable(error))
    }
}

impl CheckoutClient {
    /// Creates a checkout that authorises payments at `stripe_url`, if there is one.
    pub fn new(gateway: GatewayClient, stripe_url: Option<String>) -> Result<Self, reqwest::Error> {
        let http = Client::builder().timeout(TIMEOUT).pool_max_idle_per_host(64).build()?;
        Ok(CheckoutClient { gateway, http, stripe_url, mixes: false })
    }

    /// Lets gift cards and the shop pay for a part of the orders, as [`due_at_stripe`] says.
    #[must_use]
    pub fn mixing_tenders(self) -> Self {
        CheckoutClient { mixes: true, ..self }
    }

    /// Places an order. Placing the same order again changes nothing.
    pub async fn place(&self, file_order: &FileOrder) -> Result<Placed, CheckoutError> {
        let mut order = file_order.order()?;
        if self.stripe_url.is_some() && order.get("authorisation").is_none() {
            let due = if self.mixes { due_at_stripe(file_order) } else { file_order.total_minor };
            let FileOrder { shop, shop_order_id, currency, .. } = file_order;
            if due > 0
                && let Some(intent) =
                    self.authorise(&format!("{shop}/{shop_order_id}"), due, currency).await?
            {
                let amount = Money::new(due, Currency::parse(currency)?).decimal();
                order["authorisation"] =
                    json!({ "provider": "stripe", "reference": intent, "amount": amount });
            }
            let rest = Money::new(file_order.total_minor - due, Currency::parse(&file_order.currency)?);
            if rest.minor > 0 {
                let provider = if due > 0 { "gift-card" } else { "shop" };
                order["tenders"] =
                    json!([{ "provider": provider, "amount": rest.decimal(), "state": "captured" }]);
            }
        }
        Ok(self.gateway.place(&order).await?)
    }

    /// Authorises the payment of an order while the customer waits, and returns the PaymentIntent; `None` without a provider.
    /// `name` is the order's at the checkout. Because of the idempotency key, a second authorisation of the same order is the
    /// first one.
    pub async fn authorise(
        &self,
        name: &str,
        due_minor: i64,
        currency: &str,
    ) -> Result<Option<String>, CheckoutError> {
        #[derive(Deserialize)]
        struct Intent {
            id: String,
        }
        let Some(stripe_url) = &self.stripe_url else { return Ok(None) };
        let url = format!("{stripe_url}/v1/payment_intents");
        let form = [
            ("amount", due_minor.to_string()),
            ("currency", currency.to_lowercase()),
            ("capture_method", "manual".to_owned()),
            ("confirm", "true".to_owned()),
            ("payment_method", "pm_card_visa".to_owned()),
            ("metadata[order_id]", name.to_owned()),
        ];
        let request = || {
            let request = self.http.post(&url).bearer_auth("sk_test_sandbox").form(&form);
            request.header("Idempotency-Key", format!("checkout/{name}"))
        };
        let answer = send_until_answered(request).await?;
        let status = answer.status();
        if !status.is_success() {
            return Err(CheckoutError::NotAuthorised { status, answer: answer.text().await? });
        }
        let intent: Intent = answer.json().await?;
        Ok(Some(intent.id))
    }
}
