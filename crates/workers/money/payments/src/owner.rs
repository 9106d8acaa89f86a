//! The owner of a payment. Customers can set the fields in which some checkouts leave a payment's reference, so anybody could
//! name the payment of somebody else, get the goods, and have it refunded.

use despatch_contracts::order::Proof;
use despatch_runtime::{Attempt, DbError};

use crate::error::PaymentError;
use crate::provider::Payment;

/// Returns an error unless this payment is that of the event's order: its metadata has one of the proofs, where any is
/// needed, and no other order has claimed it. The claim holds for good.
pub(crate) async fn claim(
    attempt: &Attempt,
    provider: &str,
    reference: &str,
    proofs: &[Proof],
    payment: &Payment,
) -> Result<(), PaymentError> {
    let proves = |proof: &Proof| payment.metadata.get(&proof.key) == Some(&proof.value);
    if !proofs.is_empty() && !proofs.iter().any(proves) {
        let expected = proofs.iter().map(|proof| format!("{} {:?}", proof.key, proof.value)).collect();
        return Err(PaymentError::Unproven { reference: reference.to_owned(), expected });
    }
    let by = attempt.claim(&format!("payment/{provider}/{reference}")).await?;
    if attempt.subject().to_string() == by {
        Ok(())
    } else {
        Err(PaymentError::Used { reference: reference.to_owned(), by })
    }
}

/// Returns whether this payment is that of the event's order.
pub(crate) async fn is_ours(
    attempt: &Attempt,
    provider: &str,
    reference: &str,
    proofs: &[Proof],
    payment: &Payment,
) -> Result<bool, DbError> {
    match claim(attempt, provider, reference, proofs, payment).await {
        Err(PaymentError::Database(error)) => Err(error),
        claimed => Ok(claimed.is_ok()),
    }
}
