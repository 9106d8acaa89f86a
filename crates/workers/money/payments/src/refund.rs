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
use crate::{elsewhere, idempotent, overdue};

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
    is_rest: bool,
    /// Our ids of the order's refunds.
    ids: Vec<String>,
    /// Other approved refunds of the tender that were not recorded as made: their ids and amounts.
    open: Vec<(String, i64)>,
    /// The provider's references of recorded refunds.
    references: Vec<String>,
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
    type Out = (Vec<PaymentRefunded>, Option<RefundRefused>);
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
        let is_rest = refunds[at].is_rest;
        let refund_id = event.refund_id.clone();
        let is_open =
            |it: &&store::Refund| it.is_approved && it.tender == tender.number && it.id != refund_id;
        let open = refunds.iter().filter(is_open).map(|it| (it.id.clone(), it.amount_minor)).collect();
        let references = refunds.iter_mut().map(|it| std::mem::take(&mut it.reference)).collect();
        let ids = refunds.into_iter().map(|it| it.id).collect();
        Ok(Plan::Make(Box::new(Planned { refund_id, tender, amount, is_rest, ids, open, references })))
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
                return Ok((Vec::new(), None));
            }
            Plan::Done => return Ok((Vec::new(), None)),
        };
        let (order_id, tender) = (event.order_id.as_str(), plan.tender.number);
        let mut refunded = Vec::new();
        let mut refused = None;
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
                    refused = Some(RefundRefused {
                        order_id: event.order_id.clone(),
                        refund_id: event.refund_id.clone(),
                        reason: Reason::RefundedElsewhere.code().to_owned(),
                        detail,
                    });
                }
            }
        }
        refunded.extend(elsewhere::record(tx, order_id, &plan.tender, &outcome.others).await?);
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

    /// Returns the amount to refund; `None` if the provider has given so much back that this is not left. Everything that
    /// is left may be less than it was, and leaves what other approved refunds need: they may be made later.
    fn still_due(&self, back: &[MadeRefund]) -> Option<Money> {
        let same = back.iter().filter(|it| it.amount.currency == self.amount.currency);
        let left = self.tender.captured_minor - same.map(|it| it.amount.minor).sum::<i64>();
        let is_made = |id: &String| back.iter().any(|it| it.refund_id.as_ref() == Some(id));
        let others: i64 = self.open.iter().filter(|(id, _)| !is_made(id)).map(|(_, minor)| minor).sum();
        let minor = if self.is_rest { (left - others).min(self.amount.minor) } else { self.amount.minor };
        (0 < minor && minor <= left).then(|| Money::new(minor, self.amount.currency))
    }
}
