//! Compares the recorded refunds of a payment with the provider's, after the provider says that something changed.

use std::collections::BTreeSet;
use std::sync::Arc;

use despatch_contracts::payment::{PaymentChanged, PaymentRefunded, RefundFailed, RefundRefused};
use despatch_domain::ProviderKind;
use despatch_runtime::{Attempt, EffectHandler, ExternalProvider, Policy, Reader, Tx};

use crate::config::POLICY;
use crate::error::PaymentError;
use crate::provider::{MadeRefund, Provider, Refunds};
use crate::store::{self, CapturedTender};
use crate::{elsewhere, settle};

/// Records what a person did at the provider: refunds that nobody asked despatch for, and refunds that failed there. A payment
/// that came under review after its capture becomes a case.
#[derive(Debug)]
pub struct Reconcile<P> {
    provider: Arc<P>,
}

impl<P> Reconcile<P> {
    /// Creates the handler for this provider.
    pub fn new(provider: Arc<P>) -> Self {
        Reconcile { provider }
    }
}

/// A captured payment and our ids of the refunds that are recorded.
#[derive(Debug)]
pub struct Plan {
    tender: CapturedTender,
    ids: BTreeSet<String>,
}

impl<P: Provider> EffectHandler for Reconcile<P> {
    const NAME: &'static str = "payments.reconcile";
    const POLICY: Policy = POLICY;
    const PROVIDER: Option<ExternalProvider> = Some(ExternalProvider::new(P::NAME, ProviderKind::Payment));
    type In = PaymentChanged;
    /// The payment; `None` before it is captured, when every step looks at it anyway.
    type Plan = Option<Plan>;
    type Response = Refunds;
    type Out = (Vec<PaymentRefunded>, Vec<RefundFailed>, Vec<RefundRefused>);
    type Error = PaymentError;

    async fn prepare(&self, event: &PaymentChanged, db: &Reader<'_>) -> Result<Option<Plan>, PaymentError> {
        let PaymentChanged { order_id, provider, reference } = event;
        let payment = store::known(db, order_id).await?;
        let is_it = |it: &CapturedTender| provider == P::NAME && it.authorisation == *reference;
        let Some(tender) = payment.tenders.into_iter().find(|it| is_it(it) && it.captured_minor > 0) else {
            return Ok(None);
        };
        let refunds = store::refunds(db, order_id).await?;
        Ok(Some(Plan { tender, ids: refunds.into_iter().map(|it| it.id).collect() }))
    }

    fn asks_provider(&self, plan: &Option<Plan>) -> bool {
        plan.is_some()
    }

    async fn perform(&self, plan: &Option<Plan>, _: &Attempt) -> Result<Refunds, PaymentError> {
        let Some(Plan { tender, .. }) = plan else { return Ok(Refunds::default()) };
        let reference = tender.authorisation.as_str();
        if self.provider.look_up(reference).await?.is_under_review {
            return Err(PaymentError::ReviewedLate { reference: reference.to_owned() });
        }
        Ok(self.provider.refunds(reference).await?)
    }

    async fn record(
        &self,
        event: &PaymentChanged,
        plan: &Option<Plan>,
        refunds: &Refunds,
        tx: &Tx<'_>,
    ) -> Result<Self::Out, PaymentError> {
        let Some(Plan { tender, ids }) = plan else { return Ok(Self::Out::default()) };
        let PaymentChanged { order_id, provider, .. } = event;
        // One that failed makes room for another.
        let mut failed = Vec::new();
        for reference in &refunds.failed {
            failed.extend(store::failed(tx, order_id, reference).await?.map(|refund| RefundFailed {
                order_id: order_id.clone(),
                refund_id: refund.id,
                tender: refund.tender.unsigned_abs(),
                provider: provider.clone(),
                reference: reference.clone(),
                amount_minor: refund.amount_minor,
                currency: refund.currency,
            }));
        }
        // One of ours is recorded where it is made, now or in a moment.
        let is_ours = |made: &MadeRefund| made.refund_id.as_ref().is_some_and(|id| ids.contains(id));
        let others: Vec<MadeRefund> = refunds.made.iter().filter(|made| !is_ours(made)).cloned().collect();
        if others.is_empty() {
            return Ok((Vec::new(), failed, Vec::new()));
        }
        let kept = settle::kept(tx, order_id).await?;
        let refunded = elsewhere::record(tx, order_id, tender, &others).await?;
        let refused = settle::lower(tx, order_id, tender.number, kept).await?;
        Ok((refunded, failed, refused))
    }
}
