//! Captures the payment of an order whose stock is reserved.

use std::sync::Arc;

use despatch_contracts::order::{Authorisation, Order};
use despatch_contracts::payment::PaymentCaptured;
use despatch_contracts::stock::StockReserved;
use despatch_domain::{Currency, Money, ProviderKind};
use despatch_runtime::{Attempt, EffectHandler, ExternalProvider, Policy, Reader, Tx};

use crate::config::POLICY;
use crate::error::PaymentError;
use crate::idempotent;
use crate::owner;
use crate::provider::{AuthorisationStatus, Captured, Payment, Provider, ProviderError};
use crate::store::{self, NewCapture};

/// Captures the authorised amount if it is exactly the order's total.
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
    /// Capture this amount of this authorisation.
    Capture(Authorisation, Money),
    /// The order was cancelled. Capture nothing, but look up whether an earlier try captured before it could record it.
    Check(Authorisation, Money),
    /// The order costs nothing.
    Free(Currency),
    /// The payment is captured and recorded.
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
        if payment.as_ref().is_some_and(|payment| payment.captured_at.is_some()) {
            return Ok(Plan::Done);
        }
        let total = total(order)?;
        let Some(authorisation) = authorisation(order, total, P::NAME)? else {
            return Ok(if payment.is_some() { Plan::Done } else { Plan::Free(total.currency) });
        };
        Ok(match payment {
            Some(_) => Plan::Check(authorisation, total),
            None => Plan::Capture(authorisation, total),
        })
    }

    fn asks_provider(&self, plan: &Plan) -> bool {
        match plan {
            Plan::Capture(..) | Plan::Check(..) => true,
            Plan::Free(_) | Plan::Done => false,
        }
    }

    async fn perform(&self, plan: &Plan, attempt: &Attempt) -> Result<Effect, PaymentError> {
        let provider = &self.provider;
        let (authorisation, total) = match plan {
            Plan::Capture(authorisation, total) => (authorisation, *total),
            Plan::Check(authorisation, _) => {
                let Authorisation { reference, proofs, .. } = authorisation;
                let payment = provider.look_up(reference).await?;
                let ours = owner::is_ours(attempt, P::NAME, reference, proofs, &payment).await?;
                return Ok(match payment.status {
                    AuthorisationStatus::Captured(captured) if ours => Effect::Captured(captured),
                    AuthorisationStatus::Captured(_)
                    | AuthorisationStatus::Authorised
                    | AuthorisationStatus::Cancelled
                    | AuthorisationStatus::Unfinished => Effect::Nothing,
                });
            }
            Plan::Free(_) | Plan::Done => return Ok(Effect::Nothing),
        };
        let reference = authorisation.reference.as_str();
        let payment = provider.look_up(reference).await?;
        owner::claim(attempt, P::NAME, reference, &authorisation.proofs, &payment).await?;
        match payment.status {
            AuthorisationStatus::Captured(captured) => return Ok(Effect::Captured(captured)),
            AuthorisationStatus::Cancelled => return Ok(Effect::Gone),
            AuthorisationStatus::Authorised | AuthorisationStatus::Unfinished => {}
        }
        if let Some(authorised) = payment.amount.filter(|authorised| *authorised != total) {
            return Err(PaymentError::AuthorisedOther { authorised, total });
        }
        let look = || async { captured(provider.look_up(reference).await?) };
        let act = |key: String| async move {
            match provider.capture(reference, total, &key).await {
                Err(ProviderError::NotAllowed(AuthorisationStatus::Captured(captured))) => Ok(captured),
                answer => answer,
            }
        };
        match idempotent::request(attempt, "capture", look, act).await {
            Ok(captured) => Ok(Effect::Captured(captured)),
            Err(PaymentError::Provider(ProviderError::NotAllowed(AuthorisationStatus::Cancelled))) => {
                Ok(Effect::Gone)
            }
            Err(error) => Err(error),
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
        let (authorisation, captured) = match (plan, effect) {
            (
                Plan::Capture(authorisation, total) | Plan::Check(authorisation, total),
                Effect::Captured(captured),
            ) => {
                check(captured, *total)?;
                (authorisation.reference.as_str(), captured.clone())
            }
            (Plan::Free(currency), _) => {
                ("", Captured { reference: String::new(), amount: Money::new(0, *currency) })
            }
            (_, Effect::Gone) => {
                // A void of ours may have come in between; then nothing is wrong.
                let cancelled = store::is_cancelled(tx, &order.order_id).await?;
                return if cancelled { Ok(None) } else { Err(PaymentError::AuthorisationGone) };
            }
            (_, Effect::Nothing) | (Plan::Done, Effect::Captured(_)) => return Ok(None),
        };
        let capture = NewCapture {
            order_id: &order.order_id,
            provider: P::NAME,
            authorisation,
            capture: &captured.reference,
            amount: captured.amount,
        };
        let new = store::record_capture(tx, &capture).await?;
        Ok(new.then(|| PaymentCaptured {
            order: Some(order.clone()),
            reference: captured.reference,
            amount_minor: captured.amount.minor,
            currency: captured.amount.currency.code().to_owned(),
        }))
    }
}

/// Returns the capture that a look-up shows, if any.
fn captured(payment: Payment) -> Result<Option<Captured>, ProviderError> {
    match payment.status {
        AuthorisationStatus::Captured(captured) => Ok(Some(captured)),
        AuthorisationStatus::Cancelled => Err(ProviderError::NotAllowed(AuthorisationStatus::Cancelled)),
        AuthorisationStatus::Authorised | AuthorisationStatus::Unfinished => Ok(None),
    }
}

fn total(order: &Order) -> Result<Money, PaymentError> {
    Ok(Money::new(order.total_minor, Currency::parse(&order.currency)?))
}

/// Returns the amount to capture for the order: exactly its total, at this provider. Returns `None` if it costs
/// nothing.
fn authorisation(
    order: &Order,
    total: Money,
    provider: &'static str,
) -> Result<Option<Authorisation>, PaymentError> {
    let authorised = order.authorisation.as_ref().filter(|authorisation| !authorisation.reference.is_empty());
    let Some(authorisation) = authorised else {
        return if total.minor == 0 { Ok(None) } else { Err(PaymentError::AuthorisationMissing) };
    };
    if authorisation.amount_minor != total.minor {
        let authorised = Money::new(authorisation.amount_minor, total.currency);
        return Err(PaymentError::AuthorisedOther { authorised, total });
    }
    if total.minor == 0 {
        return Ok(None);
    }
    PaymentError::unless_ours(&authorisation.provider, provider)?;
    Ok(Some(authorisation.clone()))
}

fn check(captured: &Captured, total: Money) -> Result<(), PaymentError> {
    if captured.amount == total {
        return Ok(());
    }
    let Captured { reference, amount } = captured.clone();
    Err(PaymentError::CapturedOther { captured: amount, total, reference })
}
