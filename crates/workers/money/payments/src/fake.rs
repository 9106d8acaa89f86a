//! A provider in this process: every request succeeds at once and is stored nowhere, so that benchmarks measure the
//! rest of the system.

use std::collections::BTreeMap;

use despatch_domain::Money;

use crate::provider::{AuthorisationStatus, Captured, Payment, Provider, ProviderError, Refunded};

/// Accepts every request.
#[derive(Debug, Clone, Copy)]
pub struct Fake;

impl Provider for Fake {
    const NAME: &'static str = "fake";

    async fn capture(&self, reference: &str, amount: Money, _: &str) -> Result<Captured, ProviderError> {
        Ok(Captured { reference: format!("capture-{reference}"), amount })
    }

    async fn refund(&self, reference: &str, _: Money, _: &str) -> Result<Refunded, ProviderError> {
        Ok(Refunded { reference: format!("refund-{reference}") })
    }

    async fn void(&self, _: &str, _: &str) -> Result<(), ProviderError> {
        Ok(())
    }

    async fn look_up(&self, _: &str) -> Result<Payment, ProviderError> {
        Ok(Payment { status: AuthorisationStatus::Authorised, amount: None, metadata: BTreeMap::new() })
    }

    async fn look_up_refund(&self, _: &str, _: Money) -> Result<Option<Refunded>, ProviderError> {
        Ok(None)
    }
}
