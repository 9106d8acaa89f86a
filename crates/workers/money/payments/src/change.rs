//! Orders that change after they were accepted: the newest is what is captured, and what is captured is settled to its total.

use despatch_contracts::event_enum;
use despatch_contracts::order::{OrderChanged, OrderExtended};
use despatch_contracts::payment::RefundApproved;
use despatch_runtime::{Handler, Tx};

use crate::error::PaymentError;
use crate::settle::settle;
use crate::store::{self, changed};

event_enum! {
    /// An order as it is now.
    pub enum NewerOrder {
        Changed(OrderChanged),
        Extended(OrderExtended),
    }
}

/// Notes each order as it is now. If its payment is captured, what it does not cost any more goes back.
#[derive(Debug)]
pub struct Change;

impl Handler for Change {
    const NAME: &'static str = "payments.change";
    type In = NewerOrder;
    type Out = Vec<RefundApproved>;
    type Error = PaymentError;

    async fn record(&self, event: &NewerOrder, tx: &Tx<'_>) -> Result<Self::Out, PaymentError> {
        let (order, change, is_extended) = match event {
            NewerOrder::Changed(event) => (&event.order, event.change, false),
            NewerOrder::Extended(event) => (&event.order, event.change, true),
        };
        let order = order.as_ref().ok_or(PaymentError::OrderMissing)?;
        let is_newest = changed::note(tx, change, order).await?;
        // The newest is settled. Money that others took counts nevertheless.
        if !is_newest && !is_extended {
            return Ok(Vec::new());
        }
        let order_id = &order.order_id;
        if store::known_in(tx, order_id).await?.tenders.is_empty() {
            changed::hold_capture(tx, order_id).await?;
        }
        settle(tx, order_id, change, is_extended.then_some(order)).await
    }
}
