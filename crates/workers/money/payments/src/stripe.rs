//! Stripe's PaymentIntents: form-encoded requests under idempotency keys, JSON answers
//! (<https://docs.stripe.com/api/payment_intents>). `answer` decides the meaning of errors, `units` converts amounts.

mod answer;
mod health;
mod units;

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use despatch_domain::Money;
use despatch_runtime::ClientSpan;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, Request, RequestBuilder, StatusCode, Url, redirect};
use serde::de::DeserializeOwned;

use crate::provider::{
    AuthorisationStatus, Captured, Dispute, Payment, Provider, ProviderError, Refunded, Refunds,
};
use answer::{DisputeObject, Intent, REFUND_ID, Refund, RefundList, Review};

/// The API version for whose answers this is written, whatever the account's default is.
const VERSION: &str = "2025-03-31.basil";

/// Refunds of a payment that a look-up reads: more than any payment has, and the most that a page holds.
const REFUNDS: &str = "100";

/// The connection to Stripe.
#[derive(Debug, Clone, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StripeConfig {
    /// The API's address, without `/v1`: `https://api.stripe.com`, or the sandbox.
    pub base_url: String,
    /// The account's secret key, `sk_…` or a restricted `rk_…`.
    pub secret_key: SecretKey,
    /// Milliseconds to wait for an answer. Captures take seconds on a bad day.
    pub timeout_ms: u64,
    /// Keys of a payment's metadata that name its order, with the order's field: `order_id`, `order_number`, `order_key`,
    /// `checkout_token` or `cart_token`. A key that is not here stands for the field of its own name; one without a field
    /// stands for none.
    #[serde(default)]
    pub order_keys: BTreeMap<String, String>,
}

/// A key that is never printed.
#[derive(Clone, serde::Deserialize)]
#[serde(transparent)]
pub struct SecretKey(String);

impl From<String> for SecretKey {
    fn from(key: String) -> Self {
        SecretKey(key)
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretKey(…)")
    }
}

/// Why no client of Stripe can be created.
#[derive(Debug, thiserror::Error)]
pub enum UnusableClient {
    /// The base URL is not a URL.
    #[error("base_url: expected an http or https URL, found {0:?}")]
    BaseUrl(String),
    /// The key is missing, or has characters that no header can carry.
    #[error("secret_key: expected sk_… or rk_…, found nothing or other than printable ASCII")]
    SecretKey,
    /// The key is the one that checkouts show.
    #[error("secret_key: expected sk_… or rk_…, found a publishable key, pk_…")]
    PublishableKey,
    /// The HTTP client cannot be built.
    #[error("timeout_ms: expected an HTTP client, found an error: {0}")]
    Client(#[from] reqwest::Error),
}

impl StripeConfig {
    /// Everything that is wrong with it, each with its key.
    pub(crate) fn problems(&self) -> Vec<UnusableClient> {
        [self.base().err(), self.bearer().err()].into_iter().flatten().collect()
    }

    fn base(&self) -> Result<String, UnusableClient> {
        let base = self.base_url.trim_end_matches('/').to_owned();
        let is_http = |url: Url| ["http", "https"].contains(&url.scheme()) && url.has_host();
        if Url::parse(&base).is_ok_and(is_http) {
            Ok(base)
        } else {
            Err(UnusableClient::BaseUrl(self.base_url.clone()))
        }
    }

    fn bearer(&self) -> Result<HeaderValue, UnusableClient> {
        if self.secret_key.0.trim().is_empty() {
            return Err(UnusableClient::SecretKey);
        }
        if self.secret_key.0.starts_with("pk_") {
            return Err(UnusableClient::PublishableKey);
        }
        let bearer = HeaderValue::try_from(format!("Bearer {}", self.secret_key.0));
        let mut bearer = bearer.map_err(|_| UnusableClient::SecretKey)?;
        bearer.set_sensitive(true);
        Ok(bearer)
    }
}

/// A Stripe account.
#[derive(Debug, Clone)]
pub struct Stripe {
    client: Client,
    base: String,
    timeout: Duration,
    order_keys: BTreeMap<String, String>,
}

impl Stripe {
    /// Creates the client; sends nothing yet.
    pub fn new(config: &StripeConfig) -> Result<Self, UnusableClient> {
        // reqwest uses the process's provider and has none of its own; every caller in the process chooses ring.
        drop(rustls::crypto::ring::default_provider().install_default());
        let (base, bearer) = (config.base()?, config.bearer()?);
        let headers = HeaderMap::from_iter([
            (reqwest::header::AUTHORIZATION, bearer),
            (HeaderName::from_static("stripe-version"), HeaderValue::from_static(VERSION)),
        ]);
        let timeout = Duration::from_millis(config.timeout_ms);
        let client = Client::builder()
            .user_agent(concat!("despatch/", env!("CARGO_PKG_VERSION")))
            .default_headers(headers)
            .timeout(timeout)
            .connect_timeout(timeout.min(Duration::from_secs(5)))
            .redirect(redirect::Policy::none())
            .build()?;
        Ok(Stripe { client, base, timeout, order_keys: config.order_keys.clone() })
    }

    /// Returns the address of an intent, or of a verb of it.
    fn intent(&self, reference: &str, verb: &str) -> Result<String, ProviderError> {
        Ok(format!("{}/v1/payment_intents/{}{verb}", self.base, plain(reference)?))
    }

    /// Creates a request with an effect.
    fn post(&self, url: String, key: &str, form: &[(&str, &str)]) -> RequestBuilder {
        self.client.post(url).header("idempotency-key", key).form(form)
    }

    /// Sends a request. `template` is the path as its span shows it.
    async fn send<T: DeserializeOwned>(
        &self,
        template: &'static str,
        request: RequestBuilder,
    ) -> Result<T, ProviderError> {
        let unanswered = |error| ProviderError::Unanswered(Box::new(error));
        let request = request.build().map_err(unanswered)?;
        let mut call = ClientSpan::http(request.method().as_str(), request.url(), template);
        let (status, headers, body) = self.exchange(request, &mut call).await.map_err(|error| {
            call.unanswered(error.is_timeout());
            unanswered(error)
        })?;
        if !status.is_success() {
            return Err(answer::error(status, &headers, &body));
        }
        serde_json::from_slice(&body).map_err(|error| ProviderError::Unanswered(Box::new(error)))
    }

    async fn exchange(
        &self,
        request: Request,
        call: &mut ClientSpan,
    ) -> Result<(StatusCode, HeaderMap, Bytes), reqwest::Error> {
        let response = self.client.execute(request).await?;
        let (status, headers) = (response.status(), response.headers().clone());
        call.answered(status.as_u16());
        Ok((status, headers, response.bytes().await?))
    }
}

impl Provider for Stripe {
    const NAME: &'static str = "stripe";

    /// Stripe keeps keys for at least 24 hours (<https://docs.stripe.com/api/idempotent_requests>).
    const KEYS_KEPT: Duration = Duration::from_secs(23 * 3600);

    async fn capture(&self, reference: &str, amount: Money, key: &str) -> Result<Captured, ProviderError> {
        let url = self.intent(reference, "/capture")?;
        let wire = wire(amount)?;
        let request = self.post(url, key, &[("amount_to_capture", &wire)]);
        let intent: Intent = self.send("/v1/payment_intents/{intent}/capture", request).await?;
        match intent.authorisation_status()? {
            AuthorisationStatus::Captured(captured) => Ok(captured),
            status @ (AuthorisationStatus::Authorised
            | AuthorisationStatus::Processing
            | AuthorisationStatus::Cancelled
            | AuthorisationStatus::Unfinished) => Err(ProviderError::NotAllowed(status)),
        }
    }

    async fn refund(
        &self,
        reference: &str,
        amount: Money,
        refund_id: &str,
        key: &str,
    ) -> Result<Refunded, ProviderError> {
        let wire = wire(amount)?;
        let id = format!("metadata[{REFUND_ID}]");
        let form = [("payment_intent", reference), ("amount", &wire), (&id, refund_id)];
        let request = self.post(format!("{}/v1/refunds", self.base), key, &form);
        let refund: Refund = self.send("/v1/refunds", request).await?;
        refund.made()
    }

    async fn void(&self, reference: &str, key: &str) -> Result<(), ProviderError> {
        let url = self.intent(reference, "/cancel")?;
        let request = self.post(url, key, &[]);
        let intent: Intent = self.send("/v1/payment_intents/{intent}/cancel", request).await?;
        match intent.authorisation_status()? {
            AuthorisationStatus::Cancelled => Ok(()),
            status @ (AuthorisationStatus::Authorised
            | AuthorisationStatus::Captured(_)
            | AuthorisationStatus::Processing
            | AuthorisationStatus::Unfinished) => Err(ProviderError::NotAllowed(status)),
        }
    }

    async fn look_up(&self, reference: &str) -> Result<Payment, ProviderError> {
        let request = self.client.get(self.intent(reference, "")?);
        let intent: Intent = self.send("/v1/payment_intents/{intent}", request).await?;
        let is_under_review = match intent.review_id() {
            Some(review) => {
                let request = self.client.get(format!("{}/v1/reviews/{}", self.base, plain(review)?));
                self.send::<Review>("/v1/reviews/{review}", request).await?.open
            }
            None => false,
        };
        intent.payment(is_under_review, &self.order_keys)
    }

    async fn refunds(&self, reference: &str) -> Result<Refunds, ProviderError> {
        let query = [("payment_intent", reference), ("limit", REFUNDS)];
        let list = self.client.get(format!("{}/v1/refunds", self.base)).query(&query);
        let refunds: RefundList = self.send("/v1/refunds", list).await?;
        refunds.refunds()
    }

    async fn dispute(&self, reference: &str) -> Result<Dispute, ProviderError> {
        let request = self.client.get(format!("{}/v1/disputes/{}", self.base, plain(reference)?));
        let dispute: DisputeObject = self.send("/v1/disputes/{dispute}", request).await?;
        dispute.dispute()
    }
}

/// Returns a reference as a part of an address. References come from outside, so one that could lead elsewhere is refused.
fn plain(reference: &str) -> Result<&str, ProviderError> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    if !reference.is_empty() && reference.bytes().all(plain) {
        return Ok(reference);
    }
    Err(ProviderError::Refused {
        code: "reference".into(),
        message: format!("expected the id of an object at Stripe, found {reference:?}"),
    })
}

/// Formats an amount for a form.
fn wire(amount: Money) -> Result<String, ProviderError> {
    let wire = units::to_wire(amount).ok_or_else(|| ProviderError::AmountRefused {
        message: format!("expected an amount in Stripe's units, found {amount}, which is finer or larger"),
    })?;
    Ok(wire.to_string())
}

#[cfg(test)]
mod tests;
