//! Refunds that the holder of the money reports: the facts of the shop and of the provider.

use std::time::Duration;

use despatch_contracts::payment::{PaymentRefunded, RefundRefused, RefundReported};
use despatch_contracts::tender;
use despatch_domain::{Reason, amount};
use despatch_runtime::{Handler, Policy, Tx};

use crate::error::PaymentError;
use crate::settle;
use crate::store::{self, CapturedTender};

/// Records reported refunds, each once.
#[derive(Debug)]
pub struct Report;

impl Handler for Report {
    const NAME: &'static str = "payments.report";
    const POLICY: Policy = Policy {
        // Shops also report what they gave back before the order's stock came.
        not_yet: Duration::from_secs(5),
        defer_deadline: Duration::from_secs(14 * 24 * 3600),
        ..Policy::DEFAULT
    };
    type In = RefundReported;
    type Out = (Option<PaymentRefunded>, Vec<RefundRefused>);
    type Error = PaymentError;

    async fn record(&self, event: &RefundReported, tx: &Tx<'_>) -> Result<Self::Out, PaymentError> {
        let RefundReported { order_id, provider, reference, amount_minor, currency, refund_id } = event;
        if reference.is_empty() || *amount_minor <= 0 {
            let found = format!("{reference:?} of {amount_minor} minor units");
            return Err(PaymentError::RefundInvalid { expected: "a reference and a positive amount", found });
        }
        store::lock(tx, order_id).await?;
        let payment = store::known_in(tx, order_id).await?;
        // Shops that mix gift cards with their own provider say only how much they have in all.
        let has = |holder: &str| payment.tenders.iter().any(|it| it.provider == holder);
        let holder = if provider == tender::GIFT_CARD && !has(provider) { tender::SHOP } else { provider };
        let held = payment.tenders.iter().filter(|it| it.provider == holder && it.currency == *currency);
        let held: Vec<&CapturedTender> = held.collect();
        if held.is_empty() && payment.tenders.is_empty() {
            return Err(PaymentError::NotCapturedYet);
        }
        if held.is_empty() {
            let found = format!("{} of {provider}", amount(*amount_minor, currency));
            return Err(PaymentError::RefundInvalid { expected: "money that this holder has", found });
        }
        let is_held = |number: i32| held.iter().any(|it| it.number == number);
        let refunds = store::refunds_in(tx, order_id).await?;
        if refunds.iter().any(|it| it.reference == *reference) {
            return Ok((None, Vec::new()));
        }
        // A shop does not know our id. It reports what it was asked for, or something else.
        let asked = refunds.iter().find(|it| {
            let same =
                if refund_id.is_empty() { it.amount_minor == *amount_minor } else { it.id == *refund_id };
            it.is_approved && is_held(it.tender) && same
        });
        let reported = |refund_id: &str, tender: i32, reason: &str| PaymentRefunded {
            order_id: order_id.clone(),
            reference: reference.clone(),
            amount_minor: *amount_minor,
            currency: currency.clone(),
            reason: reason.to_owned(),
            refund_id: refund_id.to_owned(),
            tender: tender.unsigned_abs(),
            provider: provider.clone(),
        };
        if let Some(asked) = asked {
            let id = (asked.id.as_str(), asked.tender);
            let is_new = store::made(tx, order_id, id, *amount_minor, reference).await?;
            return Ok((is_new.then(|| reported(&asked.id, asked.tender, &asked.reason)), Vec::new()));
        }
        let reason = Reason::RefundedElsewhere.code();
        let tender = held.iter().find(|it| it.left() >= *amount_minor).unwrap_or(&held[0]);
        let kept = tender.captured_minor - tender.refunded_minor - tender.elsewhere_minor;
        if *amount_minor > kept {
            let found = amount(*amount_minor, currency);
            return Err(PaymentError::RefundInvalid {
                expected: "no more than was captured and is kept",
                found,
            });
        }
        let tender = tender.number;
        let is_new =
            store::made_elsewhere(tx, order_id, tender, *amount_minor, (reference, refund_id, reason))
                .await?;
        let refused = settle::lower(tx, order_id, tender, payment.kept()).await?;
        Ok((is_new.then(|| reported(reference, tender, reason)), refused))
    }
}
