//! Whether Stripe serves us: the account's balance is read, which changes nothing.

use despatch_runtime::{ClientSpan, ProviderAnswer, ProviderCheck, ProviderFault};
use reqwest::StatusCode;
use serde::Deserialize;

use super::{Stripe, answer};

/// The header by which a stand-in says that it is one.
const STAND_IN: &str = "despatch-sandbox";

#[derive(Deserialize)]
struct Balance {
    livemode: bool,
}

impl ProviderCheck for Stripe {
    const NAME: &'static str = "stripe";
    const ADDRESS_KEY: &'static str = "stripe.base_url";
    const SECRET_KEY: &'static str = "stripe.secret_key";

    async fn check(&self) -> Result<ProviderAnswer, ProviderFault> {
        let unanswered = |error: reqwest::Error| {
            let timed_out = error.is_timeout().then_some(self.timeout);
            ProviderFault::unanswered(timed_out, error.is_connect(), &error.without_url())
        };
        let request = self.client.get(format!("{}/v1/balance", self.base)).build().map_err(unanswered)?;
        let mut call = ClientSpan::http("GET", request.url(), "/v1/balance");
        let (status, headers, body) = self.exchange(request, &mut call).await.map_err(|error| {
            call.unanswered(error.is_timeout());
            unanswered(error)
        })?;
        let said = || answer::message(&body).unwrap_or_else(|| format!("HTTP {status}"));
        match status {
            StatusCode::OK if headers.contains_key(STAND_IN) => Ok(ProviderAnswer::StandIn),
            StatusCode::OK => match serde_json::from_slice(&body) {
                Ok(Balance { livemode: true }) => Ok(ProviderAnswer::Live("it answers".to_owned())),
                Ok(Balance { livemode: false }) => Ok(ProviderAnswer::Test("it answers".to_owned())),
                Err(error) => Err(ProviderFault::Unexpected(error.to_string())),
            },
            StatusCode::UNAUTHORIZED => Err(ProviderFault::Refused(said())),
            // A restricted key is known, and need not be one that may read the balance.
            StatusCode::FORBIDDEN => Ok(ProviderAnswer::Reached(
                "it takes our restricted key, which may not read the balance".to_owned(),
            )),
            StatusCode::TOO_MANY_REQUESTS => Err(ProviderFault::Busy),
            status if status.is_server_error() => Err(ProviderFault::Failed(said())),
            _ => Err(ProviderFault::Unexpected(said())),
        }
    }
}
