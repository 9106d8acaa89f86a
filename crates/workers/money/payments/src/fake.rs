//! A provider in this process: every request succeeds at once and is stored nowhere, so that benchmarks measure the
//! rest of the system.

use std::time::Duration;

use despatch_domain::Money;

use crate::provider::{
    AuthorisationStatus, Captured, Dispute, Payment, Provider, ProviderError, Refunded, Refunds,
};

/// Accepts every request.
#[derive(Debug, Clone, Copy)]
pub struct Fake;

impl Provider for Fake {
    const NAME: &'static str = "fake";
    const KEYS_KEPT: Duration = Duration::MAX;

    async fn capture(&self, reference: &str, amount: Money, _: &str) -> Result<Captured, ProviderError> {
        Ok(Captured { reference: format!("capture-{reference}"), amount })
    }

    async fn refund(
        &self,
        reference: &str,
        _: Money,
        refund_id: &str,
        _: &str,
    ) -> Result<Refunded, ProviderError> {
        Ok(Refunded { reference: format!("refund-{reference}-{refund_id}") })
    }

    async fn void(&self, _: &str, _: &str) -> Result<(), ProviderError> {
        Ok(())
    }

    async fn look_up(&self, _: &str) -> Result<Payment, ProviderError> {
        Ok(Payment {
            status: AuthorisationStatus::Authorised,
            amount: None,
            metadata: Vec::new(),
            is_under_review: false,
        })
    }

    async fn refunds(&self, _: &str) -> Result<Refunds, ProviderError> {
        Ok(Refunds::default())
    }

    async fn dispute(&self, reference: &str) -> Result<Dispute, ProviderError> {
        Err(ProviderError::Refused { code: "dispute".to_owned(), message: format!("no dispute {reference}") })
    }
}
