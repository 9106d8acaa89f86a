//! Checks that an accepted order's payment is its own and pays for it, before anything is reserved.

use std::sync::Arc;

use despatch_contracts::order::OrderAccepted;
use despatch_contracts::payment::PaymentAuthorised;
use despatch_domain::ProviderKind;
use despatch_runtime::{Attempt, EffectHandler, ExternalProvider, Policy, Reader, Tx};

use crate::config::POLICY;
use crate::error::PaymentError;
use crate::provider::{AuthorisationStatus, Provider, ProviderError};
use crate::tenders::{self, Due, Ours};
use crate::{owner, store};

/// Looks at the payment that an order names, and claims it for the order.
#[derive(Debug)]
pub struct Check<P> {
    provider: Arc<P>,
}

impl<P> Check<P> {
    /// Creates the handler for this provider.
    pub fn new(provider: Arc<P>) -> Self {
        Check { provider }
    }
}

impl<P: Provider> EffectHandler for Check<P> {
    const NAME: &'static str = "payments.check";
    const POLICY: Policy = POLICY;
    const PROVIDER: Option<ExternalProvider> = Some(ExternalProvider::new(P::NAME, ProviderKind::Payment));
    type In = OrderAccepted;
    /// The payment to look at; `None` if payments has nothing to capture.
    type Plan = Option<Ours>;
    type Response = ();
    type Out = Option<PaymentAuthorised>;
    type Error = PaymentError;

    async fn prepare(&self, event: &OrderAccepted, _: &Reader<'_>) -> Result<Option<Ours>, PaymentError> {
        let order = event.order.as_ref().ok_or(PaymentError::OrderMissing)?;
        Ok(match tenders::due(order, P::NAME)? {
            Due::Ours(ours) => Some(ours),
            Due::Nothing(_) => None,
        })
    }

    fn asks_provider(&self, plan: &Option<Ours>) -> bool {
        plan.is_some()
    }

    async fn perform(&self, plan: &Option<Ours>, attempt: &Attempt) -> Result<(), PaymentError> {
        let Some(ours) = plan else { return Ok(()) };
        let payment = self.provider.look_up(&ours.tender.reference).await?;
        owner::claim(attempt, P::NAME, &ours.tender, &payment).await?;
        ours.of(payment.amount)?;
        if payment.is_under_review {
            return Err(PaymentError::UnderReview);
        }
        match payment.status {
            AuthorisationStatus::Authorised
            | AuthorisationStatus::Processing
            | AuthorisationStatus::Captured(_) => Ok(()),
            AuthorisationStatus::Cancelled => Err(PaymentError::AuthorisationGone),
            status @ AuthorisationStatus::Unfinished => Err(ProviderError::NotAllowed(status).into()),
        }
    }

    async fn record(
        &self,
        event: &OrderAccepted,
        _: &Option<Ours>,
        (): &(),
        tx: &Tx<'_>,
    ) -> Result<Option<PaymentAuthorised>, PaymentError> {
        let order = event.order.as_ref().ok_or(PaymentError::OrderMissing)?;
        let cancelled = store::is_cancelled(tx, &order.order_id).await?;
        Ok((!cancelled).then(|| PaymentAuthorised { order: Some(order.clone()) }))
    }
}
