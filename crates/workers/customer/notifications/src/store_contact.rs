//! Stores the contact for messages about an order.
//!
//! It is a handler of its own, apart from the message about the acceptance, so that later milestones know a customer
//! even if the mail server refuses that message.

use despatch_contracts::order::{Order, OrderAccepted};
use despatch_runtime::{Handler, Tx};

use crate::error::NotifyError;
use crate::store::{self, Contact};

/// `notifications.store-contact`.
pub(crate) struct StoreContact;

/// Returns the contact in an order. Shops take orders without an e-mail address, and without a customer.
pub(crate) fn contact(order: &Order) -> Contact {
    let customer = order.customer.clone().unwrap_or_default();
    let name = if customer.name.is_empty() {
        order.ship_to.as_ref().map(|to| to.name.clone()).unwrap_or_default()
    } else {
        customer.name
    };
    Contact { email: customer.email, name, number: order.shown_number().to_owned() }
}

impl Handler for StoreContact {
    const NAME: &'static str = "notifications.store-contact";

    type In = OrderAccepted;
    type Out = ();
    type Error = NotifyError;

    async fn record(&self, event: &OrderAccepted, tx: &Tx<'_>) -> Result<(), NotifyError> {
        let order = event.order.as_ref().ok_or(NotifyError::Incomplete("order"))?;
        store::store_contact(tx, &order.order_id, &contact(order)).await?;
        Ok(())
    }
}
