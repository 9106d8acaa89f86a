//! Unsubscribes a customer from everything that an order does not require: review requests and reminders.

use despatch_contracts::notification::Unsubscribed;
use despatch_runtime::{Handler, Tx};

use crate::error::NotifyError;
use crate::store;

/// `notifications.unsubscribe`.
pub(crate) struct Unsubscribe;

impl Handler for Unsubscribe {
    const NAME: &'static str = "notifications.unsubscribe";

    type In = Unsubscribed;
    type Out = ();
    type Error = NotifyError;

    async fn record(&self, event: &Unsubscribed, tx: &Tx<'_>) -> Result<(), NotifyError> {
        if store::unsubscribe(tx, &event.order_id).await? { Ok(()) } else { Err(NotifyError::ContactUnknown) }
    }
}
