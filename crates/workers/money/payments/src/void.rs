//! Voids an authorisation whose order was cancelled.

use std::sync::Arc;

use despatch_contracts::order::Proof;
use despatch_contracts::payment::{PaymentVoided, VoidRequested};
use despatch_domain::ProviderKind;
use despatch_runtime::{Attempt, EffectHandler, ExternalProvider, Policy, Reader, Tx};

use crate::config::POLICY;
use crate::error::PaymentError;
use crate::provider::{AuthorisationStatus, Provider, ProviderError};
use crate::{idempotent, owner, store};

/// Voids authorisations. From then on nothing is captured for the order. If the money was captured before, orders
/// requests a refund once it knows of the capture.
#[derive(Debug)]
pub struct Void<P> {
    provider: Arc<P>,
}

impl<P> Void<P> {
    /// Creates the handler for this provider.
    pub fn new(provider: Arc<P>) -> Self {
        Void { provider }
    }
}

/// The result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// Nothing was or will be captured.
    Voided,
    /// The money was captured before, or there was nothing to void, or the payment is not the order's.
    Nothing,
}

/// An authorisation to void, if it is the order's.
#[derive(Debug)]
pub struct Plan {
    reference: String,
    proofs: Vec<Proof>,
}

impl<P: Provider> EffectHandler for Void<P> {
    const NAME: &'static str = "payments.void";
    const POLICY: Policy = POLICY;
    const PROVIDER: Option<ExternalProvider> = Some(ExternalProvider::new(P::NAME, ProviderKind::Payment));
    type In = VoidRequested;
    /// The authorisation to void; `None` if there is none, or its money was captured.
    type Plan = Option<Plan>;
    type Response = Effect;
    type Out = Option<PaymentVoided>;
    type Error = PaymentError;

    async fn prepare(&self, event: &VoidRequested, db: &Reader<'_>) -> Result<Option<Plan>, PaymentError> {
        let payment = store::known(db, &event.order_id).await?;
        let captured = payment.is_some_and(|payment| payment.captured_at.is_some());
        if captured || event.reference.is_empty() {
            return Ok(None);
        }
        PaymentError::unless_ours(&event.provider, P::NAME)?;
        Ok(Some(Plan { reference: event.reference.clone(), proofs: event.proofs.clone() }))
    }

    fn asks_provider(&self, plan: &Option<Plan>) -> bool {
        plan.is_some()
    }

    async fn perform(&self, plan: &Option<Plan>, attempt: &Attempt) -> Result<Effect, PaymentError> {
        let Some(Plan { reference, proofs }) = plan else { return Ok(Effect::Nothing) };
        let provider = &self.provider;
        let payment = provider.look_up(reference).await?;
        if !owner::is_ours(attempt, P::NAME, reference, proofs, &payment).await? {
            return Ok(Effect::Nothing);
        }
        let look = || async { Ok(ended(&provider.look_up(reference).await?.status)) };
        let act = |key: String| async move {
            match provider.void(reference, &key).await {
                Ok(()) => Ok(Effect::Voided),
                Err(ProviderError::NotAllowed(status)) => {
                    ended(&status).ok_or(ProviderError::NotAllowed(status))
                }
                Err(error) => Err(error),
            }
        };
        idempotent::request(attempt, "void", look, act).await
    }

    async fn record(
        &self,
        event: &VoidRequested,
        _: &Option<Plan>,
        effect: &Effect,
        tx: &Tx<'_>,
    ) -> Result<Option<PaymentVoided>, PaymentError> {
        let new = store::record_cancellation(tx, &event.order_id, P::NAME, &event.reference).await?;
        Ok((new && *effect == Effect::Voided).then(|| PaymentVoided {
            order_id: event.order_id.clone(),
            reference: event.reference.clone(),
            reason: event.reason.clone(),
        }))
    }
}

/// Returns the result for a void whose authorisation has ended.
fn ended(status: &AuthorisationStatus) -> Option<Effect> {
    match status {
        AuthorisationStatus::Cancelled => Some(Effect::Voided),
        AuthorisationStatus::Captured(_) => Some(Effect::Nothing),
        AuthorisationStatus::Authorised | AuthorisationStatus::Unfinished => None,
    }
}
