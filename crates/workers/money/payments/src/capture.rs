//! Captures the payment of an order whose stock is reserved.

use std::sync::Arc;

use despatch_contracts::payment::PaymentCaptured;
use despatch_contracts::stock::StockReserved;
use despatch_domain::{Currency, Money, ProviderKind};
use despatch_runtime::{Attempt, EffectHandler, ExternalProvider, Policy, Reader, Tx};

use crate::config::POLICY;
use crate::error::PaymentError;
use crate::provider::{AuthorisationStatus, Captured, Payment, Provider, ProviderError};
use crate::store::{self, NewTender};
use crate::tenders::{self, Due, Ours};
use crate::{idempotent, owner};

/// Captures what no other tender of the order covers.
#[derive(Debug)]
pub struct Capture<P> {
    provider: Arc<P>,
}

impl<P> Capture<P> {
    /// Creates the handler for this provider.
    pub fn new(provider: Arc<P>) -> Self {
        Capture { provider }
    }
}

/// The decision about an order's payment.
#[derive(Debug)]
pub enum Plan {
    /// Capture this.
    Capture(Ours),
    /// The order was cancelled. Capture nothing, but look up whether an earlier try captured before it could record it.
    Check(Ours),
    /// Other tenders cover the order, or it costs nothing.
    Nothing(Currency),
    /// The payment is captured and recorded, or the order was cancelled with nothing to capture.
    Done,
}

/// The provider's answer.
#[derive(Debug)]
pub enum Effect {
    /// The money is captured.
    Captured(Captured),
    /// The authorisation expired or was voided.
    Gone,
    /// The provider was not asked, or did nothing.
    Nothing,
}

impl<P: Provider> EffectHandler for Capture<P> {
    const NAME: &'static str = "payments.capture";
    const POLICY: Policy = POLICY;
    const PROVIDER: Option<ExternalProvider> = Some(ExternalProvider::new(P::NAME, ProviderKind::Payment));
    type In = StockReserved;
    type Plan = Plan;
    type Response = Effect;
    type Out = Option<PaymentCaptured>;
    type Error = PaymentError;

    async fn prepare(&self, event: &StockReserved, db: &Reader<'_>) -> Result<Plan, PaymentError> {
        let order = event.order.as_ref().ok_or(PaymentError::OrderMissing)?;
        let payment = store::known(db, &order.order_id).await?;
        if !payment.tenders.is_empty() {
            return Ok(Plan::Done);
        }
        Ok(match (tenders::due(order, P::NAME)?, payment.is_cancelled) {
            (Due::Ours(ours), false) => Plan::Capture(ours),
            (Due::Ours(ours), true) => Plan::Check(ours),
            (Due::Nothing(currency), false) => Plan::Nothing(currency),
            (Due::Nothing(_), true) => Plan::Done,
        })
    }

    fn asks_provider(&self, plan: &Plan) -> bool {
        match plan {
            Plan::Capture(_) | Plan::Check(_) => true,
            Plan::Nothing(_) | Plan::Done => false,
        }
    }

    async fn perform(&self, plan: &Plan, attempt: &Attempt) -> Result<Effect, PaymentError> {
        match plan {
            Plan::Capture(ours) => self.capture(ours, attempt).await,
            Plan::Check(ours) => self.captured_before(ours, attempt).await,
            Plan::Nothing(_) | Plan::Done => Ok(Effect::Nothing),
        }
    }

    async fn record(
        &self,
        event: &StockReserved,
        plan: &Plan,
        effect: &Effect,
        tx: &Tx<'_>,
    ) -> Result<Self::Out, PaymentError> {
        let order = event.order.as_ref().ok_or(PaymentError::OrderMissing)?;
        let (number, captured) = match (plan, effect) {
            (Plan::Capture(ours) | Plan::Check(ours), Effect::Captured(captured)) => {
                // The part that the shop gave back before is no longer of this payment.
                let amount = ours.of(Some(captured.amount)).map_err(|_| PaymentError::CapturedOther {
                    captured: captured.amount,
                    total: ours.amount,
                    reference: captured.reference.clone(),
                })?;
                (Some(ours.number), Captured { amount, ..captured.clone() })
            }
            (Plan::Nothing(currency), _) => {
                (None, Captured { reference: String::new(), amount: Money::new(0, *currency) })
            }
            (_, Effect::Gone) => {
                // A void of ours may have come in between; then nothing is wrong.
                let cancelled = store::is_cancelled(tx, &order.order_id).await?;
                return if cancelled { Ok(None) } else { Err(PaymentError::AuthorisationGone) };
            }
            (_, Effect::Nothing) | (Plan::Done, Effect::Captured(_)) => return Ok(None),
        };
        let new = if order.tenders.is_empty() {
            store::record_tender(tx, &NewTender::nothing(&order.order_id, P::NAME, captured.amount)).await?
        } else {
            let ours = number.map(|number| (number, &captured));
            tenders::record(&order.order_id, &order.tenders, ours, tx).await?
        };
        Ok(new.then(|| PaymentCaptured {
            order: Some(order.clone()),
            reference: captured.reference,
            amount_minor: captured.amount.minor,
            currency: captured.amount.currency.code().to_owned(),
        }))
    }
}

impl<P: Provider> Capture<P> {
    async fn capture(&self, ours: &Ours, attempt: &Attempt) -> Result<Effect, PaymentError> {
        let provider = &self.provider;
        let reference = ours.tender.reference.as_str();
        let payment = provider.look_up(reference).await?;
        owner::claim(attempt, P::NAME, &ours.tender, &payment).await?;
        match payment.status {
            AuthorisationStatus::Captured(captured) => return Ok(Effect::Captured(captured)),
            AuthorisationStatus::Cancelled => return Ok(Effect::Gone),
            status @ AuthorisationStatus::Processing => return Err(ProviderError::NotAllowed(status).into()),
            AuthorisationStatus::Authorised | AuthorisationStatus::Unfinished => {}
        }
        let amount = ours.of(payment.amount)?;
        if payment.is_under_review {
            return Err(PaymentError::UnderReview);
        }
        let look = || async { captured(provider.look_up(reference).await?) };
        let act = |key: String| async move {
            match provider.capture(reference, amount, &key).await {
                Err(ProviderError::NotAllowed(AuthorisationStatus::Captured(captured))) => Ok(captured),
                answer => answer,
            }
        };
        match idempotent::request(attempt, ("capture", ""), P::KEYS_KEPT, look, act).await {
            Ok(captured) => Ok(Effect::Captured(captured)),
            Err(PaymentError::Provider(ProviderError::NotAllowed(AuthorisationStatus::Cancelled))) => {
                Ok(Effect::Gone)
            }
            Err(error) => Err(error),
        }
    }

    /// Returns an earlier capture of an order that is cancelled.
    async fn captured_before(&self, ours: &Ours, attempt: &Attempt) -> Result<Effect, PaymentError> {
        let payment = self.provider.look_up(&ours.tender.reference).await?;
        let is_ours = owner::is_ours(attempt, P::NAME, &ours.tender, &payment).await?;
        match payment.status {
            AuthorisationStatus::Captured(captured) if is_ours => Ok(Effect::Captured(captured)),
            status @ AuthorisationStatus::Processing if is_ours => {
                Err(ProviderError::NotAllowed(status).into())
            }
            AuthorisationStatus::Captured(_)
            | AuthorisationStatus::Processing
            | AuthorisationStatus::Authorised
            | AuthorisationStatus::Cancelled
            | AuthorisationStatus::Unfinished => Ok(Effect::Nothing),
        }
    }
}

/// Returns the capture that a look-up shows, if any.
fn captured(payment: Payment) -> Result<Option<Captured>, ProviderError> {
    match payment.status {
        AuthorisationStatus::Captured(captured) => Ok(Some(captured)),
        status @ (AuthorisationStatus::Cancelled | AuthorisationStatus::Processing) => {
            Err(ProviderError::NotAllowed(status))
        }
        AuthorisationStatus::Authorised | AuthorisationStatus::Unfinished => Ok(None),
    }
}
