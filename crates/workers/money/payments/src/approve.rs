//! Approves refunds: counts them against what was captured, before any money moves.

use despatch_contracts::payment::{RefundApproved, RefundRefused, RefundRequested};
use despatch_domain::{Reason, amount};
use despatch_runtime::{Handler, Tx};

use crate::error::PaymentError;
use crate::store::{self, CapturedTender, Refund};

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
        let mut approved = Vec::with_capacity(parts.len());
        for (tender, minor) in parts {
            let part = Refund {
                id: refund_id.clone(),
                tender: tender.number,
                is_rest,
                amount_minor: minor,
                reason: event.reason.replace('\0', ""),
                is_approved: true,
                reference: String::new(),
            };
            if !store::approve(tx, order_id, &part).await? {
                return Err(PaymentError::Overtaken);
            }
            approved.push(RefundApproved {
                order_id: order_id.clone(),
                refund_id: refund_id.clone(),
                tender: tender.number.unsigned_abs(),
                provider: tender.provider.clone(),
                amount_minor: minor,
                currency: tender.currency.clone(),
                reason: event.reason.clone(),
            });
        }
        Ok((approved, None))
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

/// Spreads an amount over the tenders, in their order; everything that is left if there is none. Returns `None` if less is
/// left.
fn spread<'t>(tenders: &[&'t CapturedTender], minor: Option<i64>) -> Option<Vec<(&'t CapturedTender, i64)>> {
    let mut open = minor.unwrap_or(i64::MAX);
    let mut parts = Vec::new();
    for tender in tenders {
        let part = tender.left().min(open);
        if part > 0 {
            parts.push((*tender, part));
            open -= part;
        }
    }
    (minor.is_none() || open == 0).then_some(parts)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn tender(number: i32, captured_minor: i64, approved_minor: i64) -> CapturedTender {
        CapturedTender {
            number,
            provider: String::new(),
            authorisation: String::new(),
            currency: "USD".to_owned(),
            captured_minor,
            approved_minor,
            refunded_minor: 0,
            elsewhere_minor: 0,
        }
    }

    proptest! {
        #[test]
        fn a_spread_is_the_amount_and_takes_no_more_than_is_left(
            tenders in prop::collection::vec((0_i64..1000, 0_i64..1000), 0..5),
            minor in prop::option::of(1_i64..3000),
        ) {
            let tenders: Vec<CapturedTender> =
                (1..).zip(tenders).map(|(number, (captured, approved))| tender(number, captured, approved.min(captured))).collect();
            let tenders: Vec<&CapturedTender> = tenders.iter().collect();
            let left: i64 = tenders.iter().map(|tender| tender.left()).sum();
            match spread(&tenders, minor) {
                None => prop_assert!(minor.unwrap() > left),
                Some(parts) => {
                    prop_assert_eq!(parts.iter().map(|(_, part)| part).sum::<i64>(), minor.unwrap_or(left));
                    prop_assert!(parts.iter().all(|(tender, part)| *part > 0 && *part <= tender.left()));
                }
            }
        }
    }
}
