//! Refunds captured money.

use std::sync::Arc;

use despatch_contracts::payment::{PaymentRefunded, RefundRequested};
use despatch_domain::{Currency, Money, ProviderKind};
use despatch_runtime::{Attempt, EffectHandler, ExternalProvider, Policy, Reader, Tx};

use crate::config::POLICY;
use crate::error::PaymentError;
use crate::provider::{Provider, ProviderError, Refunded};
use crate::{idempotent, store};

/// Refunds everything captured for an order that was not refunded yet.
#[derive(Debug)]
pub struct Refund<P> {
    provider: Arc<P>,
}

impl<P> Refund<P> {
    /// Creates the handler for this provider.
    pub fn new(provider: Arc<P>) -> Self {
        Refund { provider }
    }
}

/// A planned refund.
#[derive(Debug)]
pub struct Plan {
    authorisation: String,
    amount: Money,
}

impl<P: Provider> EffectHandler for Refund<P> {
    const NAME: &'static str = "payments.refund";
    const POLICY: Policy = POLICY;
    const PROVIDER: Option<ExternalProvider> = Some(ExternalProvider::new(P::NAME, ProviderKind::Payment));
    type In = RefundRequested;
    /// The refund; `None` if everything was refunded before.
    type Plan = Option<Plan>;
    type Response = Option<Refunded>;
    type Out = Option<PaymentRefunded>;
    type Error = PaymentError;

    async fn prepare(&self, event: &RefundRequested, db: &Reader<'_>) -> Result<Option<Plan>, PaymentError> {
        // A capture is recorded before it is published, so a command in order finds it here.
        let payment = store::known(db, &event.order_id).await?;
        let payment = payment.filter(|payment| payment.captured_at.is_some());
        let payment = payment.ok_or(PaymentError::NothingCaptured)?;
        let minor = payment.captured_minor - payment.refunded_minor;
        if minor == 0 {
            return Ok(None);
        }
        PaymentError::unless_ours(&payment.provider, P::NAME)?;
        let amount = Money::new(minor, Currency::parse(&payment.currency)?);
        Ok(Some(Plan { authorisation: payment.authorisation, amount }))
    }

    fn asks_provider(&self, plan: &Option<Plan>) -> bool {
        plan.is_some()
    }

    async fn perform(
        &self,
        plan: &Option<Plan>,
        attempt: &Attempt,
    ) -> Result<Option<Refunded>, PaymentError> {
        let Some(Plan { authorisation, amount }) = plan else { return Ok(None) };
        let provider = &self.provider;
        let look = || provider.look_up_refund(authorisation, *amount);
        let act = |key: String| async move {
            match provider.refund(authorisation, *amount, &key).await {
                Err(ProviderError::AlreadyRefunded) => {
                    let made = provider.look_up_refund(authorisation, *amount).await?;
                    made.ok_or(ProviderError::AlreadyRefunded)
                }
                answer => answer,
            }
        };
        idempotent::request(attempt, "refund", look, act).await.map(Some)
    }

    async fn record(
        &self,
        event: &RefundRequested,
        plan: &Option<Plan>,
        effect: &Option<Refunded>,
        tx: &Tx<'_>,
    ) -> Result<Option<PaymentRefunded>, PaymentError> {
        let (Some(plan), Some(refunded)) = (plan, effect) else { return Ok(None) };
        let new = store::record_refund(tx, &event.order_id, plan.amount.minor).await?;
        Ok(new.then(|| PaymentRefunded {
            order_id: event.order_id.clone(),
            reference: refunded.reference.clone(),
            amount_minor: plan.amount.minor,
            currency: plan.amount.currency.code().to_owned(),
            reason: event.reason.clone(),
        }))
    }
}
