//! Voids an authorisation whose order was cancelled.

use std::sync::Arc;

use despatch_contracts::order::Tender;
use despatch_contracts::payment::{PaymentVoided, RefundRequested, VoidRequested};
use despatch_contracts::tender::rest;
use despatch_domain::ProviderKind;
use despatch_runtime::{Attempt, EffectHandler, ExternalProvider, Policy, Reader, Tx};

use crate::config::POLICY;
use crate::error::PaymentError;
use crate::provider::{AuthorisationStatus, Captured, Provider, ProviderError};
use crate::tenders::{self, is_paid_to_others, ours};
use crate::{idempotent, owner, store};

/// Voids authorisations. From then on nothing is captured for the order. Money that was captured before is refunded.
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
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Nothing was or will be captured.
    Voided,
    /// The money was captured before, and is not recorded yet.
    Captured(Captured),
    /// There was nothing to void, or the payment is not the order's.
    Nothing,
}

impl<P: Provider> EffectHandler for Void<P> {
    const NAME: &'static str = "payments.void";
    const POLICY: Policy = POLICY;
    const PROVIDER: Option<ExternalProvider> = Some(ExternalProvider::new(P::NAME, ProviderKind::Payment));
    type In = VoidRequested;
    /// The authorisation to void; `None` if there is none, or its money was captured.
    type Plan = Option<Tender>;
    type Response = Effect;
    type Out = (Option<PaymentVoided>, Option<RefundRequested>);
    type Error = PaymentError;

    async fn prepare(&self, event: &VoidRequested, db: &Reader<'_>) -> Result<Option<Tender>, PaymentError> {
        let payment = store::known(db, &event.order_id).await?;
        if !payment.tenders.is_empty() {
            return Ok(None);
        }
        let Some((_, ours)) = ours(&event.tenders) else { return Ok(None) };
        PaymentError::unless_ours(&ours.provider, P::NAME)?;
        Ok(Some(ours.clone()))
    }

    fn asks_provider(&self, plan: &Option<Tender>) -> bool {
        plan.is_some()
    }

    async fn perform(&self, plan: &Option<Tender>, attempt: &Attempt) -> Result<Effect, PaymentError> {
        let Some(tender) = plan else { return Ok(Effect::Nothing) };
        let (provider, reference) = (&self.provider, tender.reference.as_str());
        let payment = provider.look_up(reference).await?;
        if !owner::is_ours(attempt, P::NAME, tender, &payment).await? {
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
        idempotent::request(attempt, ("void", ""), P::KEYS_KEPT, look, act).await
    }

    async fn record(
        &self,
        event: &VoidRequested,
        plan: &Option<Tender>,
        effect: &Effect,
        tx: &Tx<'_>,
    ) -> Result<Self::Out, PaymentError> {
        let new = store::record_cancellation(tx, &event.order_id).await?;
        let voided = plan.as_ref().filter(|_| new && *effect == Effect::Voided).map(|tender| PaymentVoided {
            order_id: event.order_id.clone(),
            reference: tender.reference.clone(),
            reason: event.reason.clone(),
        });
        // No stock is reserved any more that would lead to the record of a capture.
        let captured = match effect {
            Effect::Captured(captured) => ours(&event.tenders).map(|(number, _)| (number, captured)),
            Effect::Voided | Effect::Nothing => None,
        };
        if captured.is_none() && !event.tenders.iter().any(is_paid_to_others) {
            return Ok((voided, None));
        }
        let new = tenders::record(&event.order_id, &event.tenders, captured, tx).await?;
        let refund = new.map(|_| rest(event.order_id.clone(), event.reason.clone()));
        Ok((voided, refund))
    }
}

/// Returns the result for a void whose authorisation has ended.
fn ended(status: &AuthorisationStatus) -> Option<Effect> {
    match status {
        AuthorisationStatus::Cancelled => Some(Effect::Voided),
        AuthorisationStatus::Captured(captured) => Some(Effect::Captured(captured.clone())),
        AuthorisationStatus::Authorised
        | AuthorisationStatus::Processing
        | AuthorisationStatus::Unfinished => None,
    }
}
