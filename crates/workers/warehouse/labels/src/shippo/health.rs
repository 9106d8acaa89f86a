//! Whether Shippo serves us: the latest transaction is listed, which changes nothing.

use despatch_runtime::{ProviderAnswer, ProviderCheck, ProviderFault};
use reqwest::header::AUTHORIZATION;

use super::error::ShippoError;
use super::{Shippo, wire::ListAnswer};

/// The header by which a stand-in says that it is one.
const STAND_IN: &str = "despatch-sandbox";

impl ProviderCheck for Shippo {
    const NAME: &'static str = "shippo";
    const ADDRESS_KEY: &'static str = "shippo.base_url";
    const SECRET_KEY: &'static str = "shippo.token";

    async fn check(&self) -> Result<ProviderAnswer, ProviderFault> {
        let request = self.http.get(self.url("transactions/")).query(&[("results", "1")]);
        let request = request.header(AUTHORIZATION, self.authorization.clone());
        let listed = self.exchange("/transactions/", request, async |response| {
            let is_stand_in = response.headers().contains_key(STAND_IN);
            match response.json::<ListAnswer>().await {
                Ok(_) => Ok(is_stand_in),
                Err(error) if error.is_decode() => Err(ShippoError::Unreadable(error.to_string())),
                Err(error) => Err(error.into()),
            }
        });
        match listed.await {
            Ok(true) => Ok(ProviderAnswer::StandIn),
            Ok(false) if self.is_test => Ok(ProviderAnswer::Test("it answers".to_owned())),
            Ok(false) => Ok(ProviderAnswer::Live("it answers".to_owned())),
            Err(ShippoError::Unauthorised(status)) => Err(ProviderFault::Refused(format!("HTTP {status}"))),
            Err(ShippoError::Unreachable(error)) => {
                let timed_out = error.is_timeout().then_some(self.timeout);
                Err(ProviderFault::unanswered(timed_out, error.is_connect(), &error.without_url()))
            }
            Err(ShippoError::Busy(_)) => Err(ProviderFault::Busy),
            Err(error @ ShippoError::Unavailable { .. }) => Err(ProviderFault::Failed(error.to_string())),
            Err(
                error @ (ShippoError::Invalid { .. }
                | ShippoError::Refused(_)
                | ShippoError::Pending(_)
                | ShippoError::Unreadable(_)),
            ) => Err(ProviderFault::Unexpected(error.to_string())),
        }
    }
}
