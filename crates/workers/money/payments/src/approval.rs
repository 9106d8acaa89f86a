//! Approvals of refunds: an amount spread over an order's tenders, and counted against each.

use despatch_contracts::payment::RefundApproved;
use despatch_runtime::Tx;

use crate::error::PaymentError;
use crate::store::{self, CapturedTender, Refund};

/// A refund to approve.
pub(crate) struct Approval<'a> {
    pub(crate) order_id: &'a str,
    pub(crate) refund_id: &'a str,
    pub(crate) reason: &'a str,
    /// Whether it gives back what the order does not keep.
    pub(crate) is_settlement: bool,
}

impl Approval<'_> {
    /// Approves each tender's part.
    pub(crate) async fn record(
        &self,
        parts: Vec<(&CapturedTender, i64)>,
        tx: &Tx<'_>,
    ) -> Result<Vec<RefundApproved>, PaymentError> {
        let mut approved = Vec::with_capacity(parts.len());
        for (tender, minor) in parts {
            let part = Refund {
                id: self.refund_id.to_owned(),
                tender: tender.number,
                is_settlement: self.is_settlement,
                amount_minor: minor,
                reason: self.reason.replace('\0', ""),
                is_approved: true,
                reference: String::new(),
            };
            if !store::approve(tx, self.order_id, &part).await? {
                return Err(PaymentError::Overtaken);
            }
            approved.push(RefundApproved {
                order_id: self.order_id.to_owned(),
                refund_id: self.refund_id.to_owned(),
                tender: tender.number.unsigned_abs(),
                provider: tender.provider.clone(),
                amount_minor: minor,
                currency: tender.currency.clone(),
                reason: self.reason.to_owned(),
            });
        }
        Ok(approved)
    }
}

/// Spreads an amount over the tenders, in their order; everything that is left if there is none. Returns `None` if less is
/// left.
pub(crate) fn spread<'t>(
    tenders: &[&'t CapturedTender],
    minor: Option<i64>,
) -> Option<Vec<(&'t CapturedTender, i64)>> {
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
