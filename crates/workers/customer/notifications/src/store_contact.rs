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

/// Returns the contact in an order.
pub(crate) fn contact(order: &Order) -> Result<Contact, NotifyError> {
    let customer = order.customer.as_ref().ok_or(NotifyError::Incomplete("customer"))?;
    Ok(Contact {
        email: customer.email.clone(),
        name: customer.name.clone(),
        shop_order_id: order.shop_order_id.clone(),
    })
}

impl Handler for StoreContact {
    const NAME: &'static str = "notifications.store-contact";

    type In = OrderAccepted;
    type Out = ();
    type Error = NotifyError;

    async fn record(&self, event: &OrderAccepted, tx: &Tx<'_>) -> Result<(), NotifyError> {
        let order = event.order.as_ref().ok_or(NotifyError::Incomplete("order"))?;
        store::store_contact(tx, &order.order_id, &contact(order)?).await?;
        Ok(())
    }
}
