//! Refunds that did not reach the customer.

use despatch_contracts::payment::RefundFailed;
use despatch_domain::amount;
use despatch_runtime::{Handler, Tx};

use crate::error::PaymentError;

/// Makes a failed refund a case. Despatch cannot know another way to pay the customer, so a person has to.
#[derive(Debug)]
pub struct Fail;

impl Handler for Fail {
    const NAME: &'static str = "payments.fail";
    type In = RefundFailed;
    type Out = ();
    type Error = PaymentError;

    async fn record(&self, event: &RefundFailed, _: &Tx<'_>) -> Result<(), PaymentError> {
        Err(PaymentError::RefundFailed {
            reference: event.reference.clone(),
            amount: amount(event.amount_minor, &event.currency),
        })
    }
}
