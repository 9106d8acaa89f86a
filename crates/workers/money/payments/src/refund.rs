//! Makes approved refunds at the provider.

use std::sync::Arc;
use std::time::Duration;

use despatch_contracts::payment::{PaymentRefunded, RefundApproved, RefundOverdue, RefundRefused};
use despatch_domain::{Money, ProviderKind, Reason};
use despatch_runtime::{Attempt, EffectHandler, ExternalProvider, Policy, Reader, Timer, Tx};

use crate::config::POLICY;
use crate::error::PaymentError;
use crate::provider::{MadeRefund, Provider, ProviderError, Refunded};
use crate::store::{self, CapturedTender};
use crate::{elsewhere, idempotent, overdue, settle};

/// Makes refunds, each once, under its own id. Before, it compares the provider's refunds of the payment with the recorded
/// ones. If others gave something back, that is recorded first, because it may lower this refund; then the refund is
/// approved again with what is left of it.
#[derive(Debug)]
pub struct Refund<P> {
    provider: Arc<P>,
    overdue: Timer<RefundOverdue>,
}

/// How long the holder of other tenders has to report a refund.
const REPORTED_WITHIN: Duration = Duration::from_secs(24 * 3600);

impl<P> Refund<P> {
    /// Creates the handler for this provider. `overdue` fires if a refund that it cannot make itself is not reported.
    pub fn new(provider: Arc<P>, overdue: Timer<RefundOverdue>) -> Self {
        Refund { provider, overdue }
    }
}

/// The decision about an approved refund.
#[derive(Debug)]
pub enum Plan {
    /// Make it.
    Make(Box<Planned>),
    /// Somebody else holds the money.
    Await,
    /// It is made, or no longer approved.
    Done,
}

/// A refund to make.
#[derive(Debug)]
pub struct Planned {
    refund_id: String,
    tender: CapturedTender,
    amount: Money,
    is_settlement: bool,
    /// Our ids of the order's refunds.
    ids: Vec<String>,
    /// The provider's references of recorded refunds.
    references: Vec<String>,
}

/// The provider's answer.
#[derive(Debug, Default)]
pub struct Outcome {
    answer: Answer,
    /// Refunds of the same payment that are not recorded.
    others: Vec<MadeRefund>,
}

#[derive(Debug, Default)]
enum Answer {
    /// The refund is made, of so many minor units.
    Made(Refunded, i64),
    /// The provider has given so much back that nothing is left to make.
    NothingLeft,
    /// Nothing was asked for.
    #[default]
    NotAsked,
}

impl<P: Provider> EffectHandler for Refund<P> {
    const NAME: &'static str = "payments.refund";
    const POLICY: Policy = POLICY;
    const PROVIDER: Option<ExternalProvider> = Some(ExternalProvider::new(P::NAME, ProviderKind::Payment));
    type In = RefundApproved;
    type Plan = Plan;
    type Response = Outcome;
    type Out = (Vec<PaymentRefunded>, Vec<RefundRefused>, Option<RefundApproved>);
    type Error = PaymentError;

    async fn prepare(&self, event: &RefundApproved, db: &Reader<'_>) -> Result<Plan, PaymentError> {
        let tender = i32::try_from(event.tender).unwrap_or(i32::MAX);
        let mut refunds = store::refunds(db, &event.order_id).await?;
        let Some(at) = refunds.iter().position(|it| it.id == event.refund_id && it.tender == tender) else {
            return Err(PaymentError::RefundInvalid {
                expected: "a refund that is approved",
                found: format!("{:?}", event.refund_id),
            });
        };
        if !refunds[at].is_approved {
            return Ok(Plan::Done);
        }
        if event.provider != P::NAME {
            return Ok(Plan::Await);
        }
        let payment = store::known(db, &event.order_id).await?;
        let tender = payment.tenders.into_iter().find(|it| it.number == tender);
        let tender = tender.ok_or(PaymentError::NothingCaptured)?;
        let amount = store::money(&tender, refunds[at].amount_minor)?;
        let is_settlement = refunds[at].is_settlement;
        let refund_id = event.refund_id.clone();
        let references = refunds.iter_mut().map(|it| std::mem::take(&mut it.reference)).collect();
        let ids = refunds.into_iter().map(|it| it.id).collect();
        Ok(Plan::Make(Box::new(Planned { refund_id, tender, amount, is_settlement, ids, references })))
    }

    fn asks_provider(&self, plan: &Plan) -> bool {
        matches!(plan, Plan::Make(_))
    }

    async fn perform(&self, plan: &Plan, attempt: &Attempt) -> Result<Outcome, PaymentError> {
        let Plan::Make(plan) = plan else { return Ok(Outcome::default()) };
        let provider = &self.provider;
        let reference = plan.tender.authorisation.as_str();
        let back = provider.refunds(reference).await?.made;
        let others = plan.others(&back);
        if let Some((made, minor)) = plan.own(&back) {
            return Ok(Outcome { answer: Answer::Made(made, minor), others });
        }
        if !others.is_empty() {
            return Ok(Outcome { answer: Answer::NotAsked, others });
        }
        let Some(amount) = plan.still_due(&back) else {
            return Ok(Outcome { answer: Answer::NothingLeft, others });
        };
        let look = || async { Ok(plan.own(&provider.refunds(reference).await?.made)) };
        let act = |key: String| async move {
            match provider.refund(reference, amount, &plan.refund_id, &key).await {
                Ok(refunded) => Ok((refunded, amount.minor)),
                Err(error @ (ProviderError::AmountRefused { .. } | ProviderError::Refused { .. })) => {
                    // Perhaps somebody was faster since the look. Then the next try finds out how much is left.
                    let back = provider.refunds(reference).await?.made;
                    let is_due = plan.others(&back).is_empty() && plan.still_due(&back) == Some(amount);
                    Err(if is_due { error } else { ProviderError::AlreadyRefunded })
                }
                Err(error) => Err(error),
            }
        };
        // Another amount is another request, which an earlier key would refuse.
        let part = format!("{}/{}", plan.refund_id, amount.minor);
        let (made, minor) = idempotent::request(attempt, ("refund", &part), P::KEYS_KEPT, look, act).await?;
        Ok(Outcome { answer: Answer::Made(made, minor), others })
    }

    async fn record(
        &self,
        event: &RefundApproved,
        plan: &Plan,
        outcome: &Outcome,
        tx: &Tx<'_>,
    ) -> Result<Self::Out, PaymentError> {
        let plan = match plan {
            Plan::Make(plan) => plan,
            Plan::Await => {
                overdue::set(tx, self.overdue, event, REPORTED_WITHIN).await?;
                return Ok(Self::Out::default());
            }
            Plan::Done => return Ok(Self::Out::default()),
        };
        let (order_id, tender) = (event.order_id.as_str(), plan.tender.number);
        let has_others = !outcome.others.is_empty();
        let kept = if has_others { Some(settle::kept(tx, order_id).await?) } else { None };
        let mut refunded = Vec::new();
        let mut refused = Vec::new();
        let id = (plan.refund_id.as_str(), tender);
        match &outcome.answer {
            Answer::Made(made, minor) => {
                if store::made(tx, order_id, id, *minor, &made.reference).await? {
                    refunded.push(report(event, &made.reference, *minor));
                }
            }
            Answer::NothingLeft => {
                if store::refuse(tx, order_id, id).await? {
                    refused.push(nothing_left(event, plan));
                }
            }
            Answer::NotAsked => {}
        }
        let Some(kept) = kept else { return Ok((refunded, refused, None)) };
        refunded.extend(elsewhere::record(tx, order_id, &plan.tender, &outcome.others).await?);
        refused.extend(settle::lower(tx, order_id, tender, kept).await?);
        Ok((refunded, refused, still_approved(tx, event, id).await?))
    }
}

/// Returns the approval as it is now; `None` if it is open no more.
async fn still_approved(
    tx: &Tx<'_>,
    event: &RefundApproved,
    (refund_id, tender): (&str, i32),
) -> Result<Option<RefundApproved>, PaymentError> {
    let refunds = store::refunds_in(tx, &event.order_id).await?;
    let own = refunds.into_iter().find(|it| it.is_approved && it.id == refund_id && it.tender == tender);
    Ok(own.map(|it| RefundApproved { amount_minor: it.amount_minor, ..event.clone() }))
}

/// Returns the refusal of a refund that others made impossible.
fn nothing_left(event: &RefundApproved, plan: &Planned) -> RefundRefused {
    RefundRefused {
        order_id: event.order_id.clone(),
        refund_id: event.refund_id.clone(),
        reason: Reason::RefundedElsewhere.code().to_owned(),
        detail: format!(
            "{} was asked for, and {} gave back so much meanwhile that it is not left",
            plan.amount, event.provider
        ),
    }
}

/// Returns the report of a refund of so many minor units.
fn report(event: &RefundApproved, reference: &str, amount_minor: i64) -> PaymentRefunded {
    PaymentRefunded {
        order_id: event.order_id.clone(),
        reference: reference.to_owned(),
        amount_minor,
        currency: event.currency.clone(),
        reason: event.reason.clone(),
        refund_id: event.refund_id.clone(),
        tender: event.tender,
        provider: event.provider.clone(),
    }
}

impl Planned {
    /// Returns this refund among those that the provider has.
    fn own(&self, back: &[MadeRefund]) -> Option<(Refunded, i64)> {
        let own = back.iter().find(|it| it.refund_id.as_ref() == Some(&self.refund_id))?;
        Some((Refunded { reference: own.reference.clone() }, own.amount.minor))
    }

    /// Returns the refunds that are not recorded. One in another currency than the tender's never is.
    fn others(&self, back: &[MadeRefund]) -> Vec<MadeRefund> {
        let ours = |it: &MadeRefund| it.refund_id.as_ref().is_some_and(|id| self.ids.contains(id));
        let known = |it: &MadeRefund| ours(it) || self.references.contains(&it.reference);
        back.iter().filter(|it| self.is_same(it) && !known(it)).cloned().collect()
    }

    fn is_same(&self, made: &MadeRefund) -> bool {
        made.amount.currency == self.amount.currency
    }

    /// Returns the amount to refund; `None` if the provider has given so much back that this is not left. A settlement gives
    /// back what is left.
    fn still_due(&self, back: &[MadeRefund]) -> Option<Money> {
        let given: i64 = back.iter().filter(|it| self.is_same(it)).map(|it| it.amount.minor).sum();
        let left = self.tender.captured_minor - given;
        let minor = if self.is_settlement { self.amount.minor.min(left) } else { self.amount.minor };
        (0 < minor && minor <= left).then(|| Money::new(minor, self.amount.currency))
    }
}
