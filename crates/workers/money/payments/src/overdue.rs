//! Refunds that another holder of the money makes: what the shop took, its gift cards.

use std::time::Duration;

use despatch_contracts::payment::{RefundApproved, RefundOverdue};
use despatch_domain::amount;
use despatch_runtime::{DbError, Handler, Timer, Tx};

use crate::error::PaymentError;
use crate::store;

/// Sets the timer of a refund that has to be reported.
pub(crate) async fn set(
    tx: &Tx<'_>,
    timer: Timer<RefundOverdue>,
    refund: &RefundApproved,
    after: Duration,
) -> Result<(), DbError> {
    let RefundApproved { order_id, refund_id, tender, .. } = refund;
    let due = RefundOverdue { order_id: order_id.clone(), refund_id: refund_id.clone(), tender: *tender };
    tx.schedule(timer, &format!("refund/{order_id}/{refund_id}/{tender}"), after, &due).await
}

/// Makes a refund that was not reported in time a case. Despatch cannot move that money, so a person has to.
#[derive(Debug)]
pub struct Overdue;

impl Handler for Overdue {
    const NAME: &'static str = "payments.overdue";
    type In = RefundOverdue;
    type Out = ();
    type Error = PaymentError;

    async fn record(&self, event: &RefundOverdue, tx: &Tx<'_>) -> Result<(), PaymentError> {
        let tender = i32::try_from(event.tender).unwrap_or(i32::MAX);
        let refunds = store::refunds_in(tx, &event.order_id).await?;
        let open =
            refunds.iter().find(|it| it.id == event.refund_id && it.tender == tender && it.is_approved);
        let Some(open) = open else { return Ok(()) };
        let payment = store::known_in(tx, &event.order_id).await?;
        let held = payment.tenders.iter().find(|it| it.number == tender);
        let held = held.ok_or(PaymentError::NothingCaptured)?;
        Err(PaymentError::RefundElsewhere {
            provider: held.provider.clone(),
            amount: amount(open.amount_minor, &held.currency),
        })
    }
}
