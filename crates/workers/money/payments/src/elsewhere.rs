//! Refunds that nobody asked despatch for: those that a person made at the provider.

use despatch_contracts::payment::PaymentRefunded;
use despatch_domain::Reason;
use despatch_runtime::{DbError, Tx};

use crate::provider::MadeRefund;
use crate::store::{self, CapturedTender};

/// Records them, each once, and returns their reports. One in another currency than the tender's is left out.
pub(crate) async fn record(
    tx: &Tx<'_>,
    order_id: &str,
    tender: &CapturedTender,
    made: &[MadeRefund],
) -> Result<Vec<PaymentRefunded>, DbError> {
    let reason = Reason::RefundedElsewhere.code();
    let mut refunded = Vec::new();
    for made in made {
        if made.amount.currency.code() != tender.currency {
            continue;
        }
        let (number, minor) = (tender.number, made.amount.minor);
        let words = (made.reference.as_str(), made.refund_id.as_deref().unwrap_or_default(), reason);
        if store::made_elsewhere(tx, order_id, number, minor, words).await? {
            refunded.push(PaymentRefunded {
                order_id: order_id.to_owned(),
                reference: made.reference.clone(),
                amount_minor: minor,
                currency: tender.currency.clone(),
                reason: reason.to_owned(),
                refund_id: made.reference.clone(),
                tender: number.unsigned_abs(),
                provider: tender.provider.clone(),
            });
        }
    }
    Ok(refunded)
}
