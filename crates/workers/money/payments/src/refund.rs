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
/// ones.
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
    /// The amounts that a settlement compares; `None` of any other refund.
    settles: Option<Settles>,
    /// Our ids of the order's refunds.
    ids: Vec<String>,
    /// The provider's references of recorded refunds.
    references: Vec<String>,
}

/// How much the shop keeps of an order once every approved refund is made, and how much it may keep, in minor units.
#[derive(Debug, Clone, Copy)]
struct Settles {
    kept: i64,
    may_keep: i64,
}

/// The outcome at the provider.
#[derive(Debug, Default)]
pub struct Outcome {
    /// The refund and its amount in minor units; `None` if it was not made.
    made: Option<(Refunded, i64)>,
    /// Refunds of the same payment that are not recorded.
    others: Vec<MadeRefund>,
}

impl<P: Provider> EffectHandler for Refund<P> {
    const NAME: &'static str = "payments.refund";
    const POLICY: Policy = POLICY;
    const PROVIDER: Option<ExternalProvider> = Some(ExternalProvider::new(P::NAME, ProviderKind::Payment));
    type In = RefundApproved;
    type Plan = Plan;
    type Response = Outcome;
    type Out = (Vec<PaymentRefunded>, Vec<RefundRefused>);
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
        let settles = payment.may_keep().map(|may_keep| Settles { kept: payment.kept(), may_keep });
        let tender = payment.tenders.into_iter().find(|it| it.number == tender);
        let tender = tender.ok_or(PaymentError::NothingCaptured)?;
        let amount = store::money(&tender, refunds[at].amount_minor)?;
        let settles = refunds[at].is_settlement.then_some(settles).flatten();
        let refund_id = event.refund_id.clone();
        let references = refunds.iter_mut().map(|it| std::mem::take(&mut it.reference)).collect();
        let ids = refunds.into_iter().map(|it| it.id).collect();
        Ok(Plan::Make(Box::new(Planned { refund_id, tender, amount, settles, ids, references })))
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
        if let Some(made) = plan.own(&back) {
            return Ok(Outcome { made: Some(made), others });
        }
        let Some(amount) = plan.still_due(&back) else { return Ok(Outcome { made: None, others }) };
        let look = || async { Ok(plan.own(&provider.refunds(reference).await?.made)) };
        let act = |key: String| async move {
            match provider.refund(reference, amount, &plan.refund_id, &key).await {
                Ok(refunded) => Ok((refunded, amount.minor)),
                Err(error @ (ProviderError::AmountRefused { .. } | ProviderError::Refused { .. })) => {
                    // Perhaps somebody was faster since the look. Then the next try finds out how much is left.
                    let is_due = plan.still_due(&provider.refunds(reference).await?.made) == Some(amount);
                    Err(if is_due { error } else { ProviderError::AlreadyRefunded })
                }
                Err(error) => Err(error),
            }
        };
        // Another amount is another request, which an earlier key would refuse.
        let part = format!("{}/{}", plan.refund_id, amount.minor);
        let made = idempotent::request(attempt, ("refund", &part), P::KEYS_KEPT, look, act).await?;
        Ok(Outcome { made: Some(made), others })
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
        match &outcome.made {
            Some((made, minor)) => {
                if store::made(tx, order_id, id, *minor, &made.reference).await? {
                    refunded.push(report(event, &made.reference, *minor));
                }
            }
            None => {
                if store::refuse(tx, order_id, id).await? {
                    let detail = format!(
                        "{} was asked for, and {} gave back so much meanwhile that it is not left",
                        plan.amount, event.provider
                    );
                    refused.push(RefundRefused {
                        order_id: event.order_id.clone(),
                        refund_id: event.refund_id.clone(),
                        reason: Reason::RefundedElsewhere.code().to_owned(),
                        detail,
                    });
                }
            }
        }
        if let Some(kept) = kept {
            refunded.extend(elsewhere::record(tx, order_id, &plan.tender, &outcome.others).await?);
            refused.extend(settle::lower(tx, order_id, tender, kept).await?);
        }
        Ok((refunded, refused))
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

    /// Returns the refunds that are not recorded.
    fn others(&self, back: &[MadeRefund]) -> Vec<MadeRefund> {
        let ours = |it: &MadeRefund| it.refund_id.as_ref().is_some_and(|id| self.ids.contains(id));
        back.iter().filter(|it| !ours(it) && !self.references.contains(&it.reference)).cloned().collect()
    }

    /// Returns the amount to refund; `None` if the provider has given so much back that this is not left. A settlement is
    /// lowered by what others gave back, unless the shop keeps too much all the same.
    fn still_due(&self, back: &[MadeRefund]) -> Option<Money> {
        let same = |it: &&MadeRefund| it.amount.currency == self.amount.currency;
        let left =
            self.tender.captured_minor - back.iter().filter(same).map(|it| it.amount.minor).sum::<i64>();
        let minor = match self.settles {
            Some(Settles { kept, may_keep }) => {
                let given: i64 = self.others(back).iter().filter(same).map(|it| it.amount.minor).sum();
                (self.amount.minor - given.min(may_keep - kept + given).max(0)).min(left)
            }
            None => self.amount.minor,
        };
        (0 < minor && minor <= left).then(|| Money::new(minor, self.amount.currency))
    }
}
