//! Disputes: a customer asked the bank for the money back.

use std::sync::Arc;

use despatch_contracts::payment::{DisputeLost, PaymentDisputed, RefundRefused};
use despatch_domain::{ProviderKind, Reason};
use despatch_runtime::{Attempt, EffectHandler, ExternalProvider, Policy, Reader, Tx};

use crate::config::POLICY;
use crate::error::PaymentError;
use crate::provider::{self, DisputeStatus, Provider};
use crate::settle;
use crate::store::{self, CapturedTender};

/// Makes a dispute that the shop can answer a case, with its deadline and the evidence that counts. Records a lost one.
#[derive(Debug)]
pub struct Dispute<P> {
    provider: Arc<P>,
}

impl<P> Dispute<P> {
    /// Creates the handler for this provider.
    pub fn new(provider: Arc<P>) -> Self {
        Dispute { provider }
    }
}

/// A dispute to look at.
#[derive(Debug)]
pub struct Plan {
    dispute: String,
    /// The disputed payment; `None` until its capture is recorded, and for a cancelled order of which nothing was.
    tender: Option<CapturedTender>,
    is_cancelled: bool,
}

impl<P: Provider> EffectHandler for Dispute<P> {
    const NAME: &'static str = "payments.dispute";
    const POLICY: Policy = POLICY;
    const PROVIDER: Option<ExternalProvider> = Some(ExternalProvider::new(P::NAME, ProviderKind::Payment));
    type In = PaymentDisputed;
    /// `None` if the payment is at another provider.
    type Plan = Option<Plan>;
    type Response = Option<provider::Dispute>;
    type Out = (Option<DisputeLost>, Vec<RefundRefused>);
    type Error = PaymentError;

    async fn prepare(&self, event: &PaymentDisputed, db: &Reader<'_>) -> Result<Option<Plan>, PaymentError> {
        if event.provider != P::NAME {
            return Ok(None);
        }
        let payment = store::known(db, &event.order_id).await?;
        let mut tenders = payment.tenders.into_iter();
        let tender = tenders.find(|it| it.provider == P::NAME && it.authorisation == event.reference);
        Ok(Some(Plan { dispute: event.dispute.clone(), tender, is_cancelled: payment.is_cancelled }))
    }

    fn asks_provider(&self, plan: &Option<Plan>) -> bool {
        plan.is_some()
    }

    async fn perform(
        &self,
        plan: &Option<Plan>,
        _: &Attempt,
    ) -> Result<Option<provider::Dispute>, PaymentError> {
        let Some(plan) = plan else { return Ok(None) };
        let dispute = self.provider.dispute(&plan.dispute).await?;
        match dispute.status {
            DisputeStatus::NeedsResponse => Err(PaymentError::Disputed {
                dispute: plan.dispute.clone(),
                amount: dispute.amount,
                due_by: dispute.due_by.map(|at| prost_types::Timestamp::from(at).to_string()),
                evidence: evidence(&dispute.reason),
                reason: dispute.reason,
            }),
            DisputeStatus::UnderReview | DisputeStatus::Won | DisputeStatus::Lost => Ok(Some(dispute)),
        }
    }

    async fn record(
        &self,
        event: &PaymentDisputed,
        plan: &Option<Plan>,
        dispute: &Option<provider::Dispute>,
        tx: &Tx<'_>,
    ) -> Result<Self::Out, PaymentError> {
        let (Some(plan), Some(dispute)) = (plan, dispute) else { return Ok((None, Vec::new())) };
        if dispute.status != DisputeStatus::Lost {
            return Ok((None, Vec::new()));
        }
        let refunds = store::refunds_in(tx, &event.order_id).await?;
        if refunds.iter().any(|it| it.reference == plan.dispute) {
            return Ok((None, Vec::new()));
        }
        if plan.tender.is_none() && !plan.is_cancelled {
            // The next try finds the capture.
            return Err(PaymentError::Overtaken);
        }
        let mut refused = Vec::new();
        if let Some(tender) = &plan.tender {
            let kept = tender.captured_minor - tender.refunded_minor - tender.elsewhere_minor;
            let minor = dispute.amount.minor.min(kept);
            if minor > 0 && dispute.amount.currency.code() == tender.currency {
                let words = (plan.dispute.as_str(), "", Reason::DisputeLost.code());
                let kept = settle::kept(tx, &event.order_id).await?;
                store::made_elsewhere(tx, &event.order_id, tender.number, minor, words).await?;
                refused = settle::lower(tx, &event.order_id, tender.number, kept).await?;
            }
        }
        let lost = DisputeLost {
            order_id: event.order_id.clone(),
            provider: event.provider.clone(),
            dispute: plan.dispute.clone(),
            amount_minor: dispute.amount.minor,
            currency: dispute.amount.currency.code().to_owned(),
        };
        Ok((Some(lost), refused))
    }
}

/// Returns the evidence that counts for a reason, as Stripe's form names it, with where despatch has it
/// (<https://docs.stripe.com/disputes/categories>).
fn evidence(reason: &str) -> &'static str {
    match reason {
        "product_not_received" => {
            "shipping carrier, date, tracking number and proof of delivery, shipping address, customer communication"
        }
        "product_unacceptable" | "not_as_described" => {
            "product description, customer communication, refund policy and the customer's consent to it"
        }
        "credit_not_processed" => {
            "refund policy and its disclosure, why no refund is due, or the refund made"
        }
        "duplicate" => "the other charge, why both are due, shipping documentation of both",
        "subscription_canceled" => {
            "cancellation policy and its disclosure, proof of use after the cancellation"
        }
        "fraudulent" | "unrecognized" => {
            "billing and shipping address, IP address of the order, customer communication, proof of delivery, \
             earlier orders of the same customer"
        }
        _ => "receipt, customer communication, shipping documentation",
    }
}
