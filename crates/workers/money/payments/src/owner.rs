//! The owner of a payment. Customers can set the fields in which some checkouts leave a payment's reference, so anybody could
//! name the payment of somebody else, get the goods, and have it refunded.

use despatch_contracts::order::{Proof, Tender};
use despatch_runtime::{Attempt, DbError};

use crate::error::PaymentError;
use crate::provider::Payment;

/// Returns an error unless this payment is that of the event's order: its metadata has one of the tender's proofs, where any
/// is needed, and no other order has claimed it. The claim holds for good.
pub(crate) async fn claim(
    attempt: &Attempt,
    provider: &str,
    Tender { reference, proofs, .. }: &Tender,
    payment: &Payment,
) -> Result<(), PaymentError> {
    let proves = |proof: &Proof| {
        payment.metadata.iter().any(|(key, value)| (key, value) == (&proof.key, &proof.value))
    };
    if !proofs.is_empty() && !proofs.iter().any(proves) {
        let expected = proofs.iter().map(|proof| format!("{} {:?}", proof.key, proof.value)).collect();
        return Err(PaymentError::Unproven { reference: reference.clone(), expected });
    }
    let by = attempt.claim(&format!("payment/{provider}/{reference}")).await?;
    if attempt.subject().to_string() == by {
        Ok(())
    } else {
        Err(PaymentError::Used { reference: reference.clone(), by })
    }
}

/// Returns whether this payment is that of the event's order.
pub(crate) async fn is_ours(
    attempt: &Attempt,
    provider: &str,
    tender: &Tender,
    payment: &Payment,
) -> Result<bool, DbError> {
    match claim(attempt, provider, tender, payment).await {
        Err(PaymentError::Database(error)) => Err(error),
        claimed => Ok(claimed.is_ok()),
    }
}
