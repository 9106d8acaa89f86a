//! Approves refunds: counts them against what was captured, before any money moves.

use despatch_contracts::payment::{RefundApproved, RefundRefused, RefundRequested};
use despatch_domain::{Reason, amount};
use despatch_runtime::{Handler, Tx};

use crate::approval::{Approval, spread};
use crate::error::PaymentError;
use crate::store::{self, CapturedTender};

/// Approves a refund of an amount, or of everything that is left. Two refunds cannot pass together if they are more than
/// was captured.
#[derive(Debug)]
pub struct Approve;

impl Handler for Approve {
    const NAME: &'static str = "payments.approve";
    type In = RefundRequested;
    type Out = (Vec<RefundApproved>, Option<RefundRefused>);
    type Error = PaymentError;

    async fn record(&self, event: &RefundRequested, tx: &Tx<'_>) -> Result<Self::Out, PaymentError> {
        let RefundRequested { order_id, refund_id, amount_minor, .. } = event;
        if refund_id.is_empty() || *amount_minor < 0 {
            let found = format!("{refund_id:?} of {amount_minor} minor units");
            return Err(PaymentError::RefundInvalid { expected: "an id and no negative amount", found });
        }
        store::lock(tx, order_id).await?;
        let asked = store::refunds_in(tx, order_id).await?;
        if asked.iter().any(|refund| refund.id == *refund_id) {
            return Ok((Vec::new(), None));
        }
        // A capture is recorded before it is published, so a command in order finds it here.
        let payment = store::known_in(tx, order_id).await?;
        let is_rest = *amount_minor == 0;
        if is_rest && payment.tenders.is_empty() {
            return Err(PaymentError::NothingCaptured);
        }
        let tenders: Vec<&CapturedTender> =
            payment.tenders.iter().filter(|it| is_rest || it.currency == event.currency).collect();
        let Some(parts) = spread(&tenders, (!is_rest).then_some(*amount_minor)) else {
            let left: i64 = tenders.iter().map(|tender| tender.left()).sum();
            let detail = format!(
                "{} was asked for, and {} of what was captured is left",
                amount(*amount_minor, &event.currency),
                amount(left, &event.currency)
            );
            return Ok((Vec::new(), Some(refused(event, Reason::RefundAboveCaptured, detail))));
        };
        if is_rest {
            store::record_cancellation(tx, order_id).await?;
        }
        let approval = Approval { order_id, refund_id, reason: &event.reason, is_settlement: is_rest };
        Ok((approval.record(parts, tx).await?, None))
    }
}

/// Returns the refusal of a request.
fn refused(event: &RefundRequested, reason: Reason, detail: String) -> RefundRefused {
    RefundRefused {
        order_id: event.order_id.clone(),
        refund_id: event.refund_id.clone(),
        reason: reason.code().to_owned(),
        detail,
    }
}
