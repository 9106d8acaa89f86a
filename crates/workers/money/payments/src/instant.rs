//! A provider without a wire: every request succeeds at once and is remembered nowhere. It measures the rest of the
//! system in benchmarks.

use despatch_domain::Money;

use crate::provider::{Captured, Provider, ProviderError, Refunded, Standing};

/// Always says yes.
#[derive(Debug, Clone, Copy)]
pub struct Instant;

impl Provider for Instant {
    const NAME: &'static str = "instant";

    async fn capture(&self, reference: &str, amount: Money, _: &str) -> Result<Captured, ProviderError> {
        Ok(Captured { reference: format!("capture-{reference}"), amount })
    }

    async fn refund(&self, reference: &str, _: Money, _: &str) -> Result<Refunded, ProviderError> {
        Ok(Refunded { reference: format!("refund-{reference}") })
    }

    async fn void(&self, _: &str, _: &str) -> Result<(), ProviderError> {
        Ok(())
    }

    async fn look_up(&self, _: &str) -> Result<Standing, ProviderError> {
        Ok(Standing::Authorised)
    }

    async fn look_up_refund(&self, _: &str, _: Money) -> Result<Option<Refunded>, ProviderError> {
        Ok(None)
    }
}
