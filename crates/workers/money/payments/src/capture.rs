//! Captures the payment of an order whose stock is reserved.

use std::sync::Arc;

use despatch_contracts::order::Order;
use despatch_contracts::payment::{PaymentCaptured, PaymentChanged, RefundApproved};
use despatch_contracts::stock::StockReserved;
use despatch_contracts::tender;
use despatch_domain::{Currency, Money, ProviderKind};
use despatch_runtime::{Attempt, EffectHandler, ExternalProvider, Policy, Reader, Tx};

use crate::config::POLICY;
use crate::error::PaymentError;
use crate::provider::{AuthorisationStatus, Captured, Payment, Provider, ProviderError};
use crate::store::changed::{self, Changed};
use crate::store::{self, NewTender, Recorded};
use crate::tenders::{self, Due, Ours};
use crate::{idempotent, owner, settle};

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

/// The order as it is now, if it changed after it was accepted, and the decision about its payment.
#[derive(Debug)]
pub struct Plan {
    changed: Option<Changed>,
    step: Step,
}

impl Plan {
    /// Returns the order as it is now.
    fn order<'o>(&'o self, event: &'o StockReserved) -> Result<&'o Order, PaymentError> {
        let known = self.changed.as_ref().map(|changed| &changed.order);
        known.or(event.order.as_ref()).ok_or(PaymentError::OrderMissing)
    }

    /// Returns what is due of an order that is not captured in the shop, as far as it is known here. Stock is reserved only
    /// after that capture. So the event's tenders are newer if they pay for the order, or else a newer change is to come.
    fn due_since(&mut self, event: &Order, provider: &'static str) -> Result<Due, PaymentError> {
        let changed = self.changed.as_mut().ok_or(PaymentError::CaptureToCome)?;
        changed.order.tenders.clone_from(&event.tenders);
        tenders::due(&changed.order, provider).map_err(|_| PaymentError::CaptureToCome)
    }
}

/// The decision about an order's payment.
#[derive(Debug)]
enum Step {
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
    Captured {
        /// The capture.
        captured: Captured,
        /// The amount that somebody gave back of it, in minor units.
        back: i64,
    },
    /// The authorisation expired or was voided, or all of the money was given back.
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
    type Out = (Option<PaymentCaptured>, Option<PaymentChanged>, Vec<RefundApproved>);
    type Error = PaymentError;

    async fn prepare(&self, event: &StockReserved, db: &Reader<'_>) -> Result<Plan, PaymentError> {
        let order = event.order.as_ref().ok_or(PaymentError::OrderMissing)?;
        let payment = store::known(db, &order.order_id).await?;
        let mut plan = Plan { changed: payment.changed, step: Step::Done };
        if !payment.tenders.is_empty() {
            return Ok(plan);
        }
        let due = match tenders::due(plan.order(event)?, P::NAME) {
            Err(PaymentError::CaptureAtShop) => plan.due_since(order, P::NAME)?,
            due => due?,
        };
        plan.step = match (due, payment.is_cancelled) {
            (Due::Ours(ours), is_cancelled) => {
                let ours = Ours { change: plan.changed.as_ref().map(|it| it.change), ..ours };
                if is_cancelled { Step::Check(ours) } else { Step::Capture(ours) }
            }
            (Due::Nothing(currency), false) => Step::Nothing(currency),
            (Due::Nothing(_), true) => Step::Done,
        };
        Ok(plan)
    }

    fn asks_provider(&self, plan: &Plan) -> bool {
        match plan.step {
            Step::Capture(_) | Step::Check(_) => true,
            Step::Nothing(_) | Step::Done => false,
        }
    }

    async fn perform(&self, plan: &Plan, attempt: &Attempt) -> Result<Effect, PaymentError> {
        match &plan.step {
            Step::Capture(ours) => self.capture(ours, attempt).await,
            Step::Check(ours) => self.captured_before(ours, attempt).await,
            Step::Nothing(_) | Step::Done => Ok(Effect::Nothing),
        }
    }

    async fn record(
        &self,
        event: &StockReserved,
        plan: &Plan,
        effect: &Effect,
        tx: &Tx<'_>,
    ) -> Result<Self::Out, PaymentError> {
        let order = plan.order(event)?;
        let mut back = 0;
        let (ours, captured) = match (&plan.step, effect) {
            (Step::Capture(ours) | Step::Check(ours), Effect::Captured { captured, back: given }) => {
                if !ours.is_settled_by(captured.amount, *given) {
                    return Err(other(ours, captured, &order.order_id, tx).await?);
                }
                back = *given;
                (Some(ours), captured.clone())
            }
            (Step::Nothing(currency), _) => {
                (None, Captured { reference: String::new(), amount: Money::new(0, *currency) })
            }
            (_, Effect::Gone) => {
                // A void of ours may have come in between; then nothing is wrong.
                let cancelled = store::is_cancelled(tx, &order.order_id).await?;
                return if cancelled {
                    Ok(Self::Out::default())
                } else {
                    Err(PaymentError::AuthorisationGone)
                };
            }
            (_, Effect::Nothing) | (Step::Done, Effect::Captured { .. }) => return Ok(Self::Out::default()),
        };
        let recorded = if order.tenders.is_empty() {
            store::record_tender(tx, &NewTender::nothing(&order.order_id, P::NAME, captured.amount)).await?
        } else {
            let ours = ours.map(|ours| (ours.number, &captured));
            tenders::record(&order.order_id, &order.tenders, ours, tx).await?
        };
        let Some(Recorded { mut changed }) = recorded else { return Ok(Self::Out::default()) };
        if changed.is_none() && tenders::is_overpaid(&order.tenders) {
            changed::note(tx, 0, order).await?;
            changed = Some(Changed { change: 0, order: order.clone() });
        }
        // A change that came while the payment was captured found nothing to settle.
        let approved = match &changed {
            Some(newest) => settle::settle(tx, &order.order_id, newest.change, Some(&newest.order)).await?,
            None => Vec::new(),
        };
        // The refunds of others are recorded next.
        let refunded = ours.filter(|_| back > 0).map(|ours| PaymentChanged {
            order_id: order.order_id.clone(),
            provider: P::NAME.to_owned(),
            reference: ours.tender.reference.clone(),
        });
        let captured = PaymentCaptured {
            order: Some(changed.map_or_else(|| order.clone(), |newest| newest.order)),
            reference: captured.reference,
            amount_minor: captured.amount.minor,
            currency: captured.amount.currency.code().to_owned(),
        };
        Ok((Some(captured), refunded, approved))
    }
}

/// Returns the error of a capture that is not what is due. If the order changed since the plan, the next try makes another plan.
async fn other(
    ours: &Ours,
    captured: &Captured,
    order_id: &str,
    tx: &Tx<'_>,
) -> Result<PaymentError, PaymentError> {
    let newest = store::known_in(tx, order_id).await?.changed.map(|it| it.change);
    Ok(if newest > ours.change {
        PaymentError::Overtaken
    } else {
        PaymentError::CapturedOther {
            captured: captured.amount,
            total: ours.amount,
            reference: captured.reference.clone(),
        }
    })
}

impl<P: Provider> Capture<P> {
    async fn capture(&self, ours: &Ours, attempt: &Attempt) -> Result<Effect, PaymentError> {
        let provider = &self.provider;
        let reference = ours.tender.reference.as_str();
        let payment = provider.look_up(reference).await?;
        owner::claim(attempt, P::NAME, &ours.tender, &payment).await?;
        match payment.status {
            AuthorisationStatus::Captured(captured) => return self.found(reference, captured).await,
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
        // Of an order that changed another amount is due. It is another request, which an earlier key would refuse.
        let part = ours.change.map(tender::change).unwrap_or_default();
        match idempotent::request(attempt, ("capture", &part), P::KEYS_KEPT, look, act).await {
            Ok(captured) => Ok(Effect::Captured { captured, back: 0 }),
            Err(PaymentError::Provider(ProviderError::NotAllowed(AuthorisationStatus::Cancelled))) => {
                Ok(Effect::Gone)
            }
            Err(error) => Err(error),
        }
    }

    /// Returns a capture that was made before: by an earlier try, by the checkout or by a person. Somebody may have given a
    /// part of it back since.
    async fn found(&self, reference: &str, captured: Captured) -> Result<Effect, PaymentError> {
        let back = self.provider.refunds(reference).await?.made;
        let same = back.iter().filter(|it| it.amount.currency == captured.amount.currency);
        let back: i64 = same.map(|it| it.amount.minor).sum();
        if back >= captured.amount.minor {
            return Ok(Effect::Gone);
        }
        Ok(Effect::Captured { captured, back })
    }

    /// Returns an earlier capture of an order that is cancelled.
    async fn captured_before(&self, ours: &Ours, attempt: &Attempt) -> Result<Effect, PaymentError> {
        let payment = self.provider.look_up(&ours.tender.reference).await?;
        let is_ours = owner::is_ours(attempt, P::NAME, &ours.tender, &payment).await?;
        match payment.status {
            AuthorisationStatus::Captured(captured) if is_ours => {
                self.found(&ours.tender.reference, captured).await
            }
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
