//! `orders.cancel`: cancels an order unless a parcel of it was despatched, and has its money returned.

use despatch_contracts::Event as _;
use despatch_contracts::order::{OrderCancelRequested, OrderCancelled};
use despatch_contracts::payment::{RefundRequested, VoidRequested};
use despatch_contracts::tender::rest;
use despatch_domain::Reason;
use despatch_runtime::{Handler, Tx};
use despatch_status::OrderState;

use crate::command::{self, CommandError};
use crate::store::{self, Note};

/// Cancels orders on request. A refusal is not an error: it is recorded in the order's timeline.
#[derive(Debug)]
pub(crate) struct Cancel;

impl Handler for Cancel {
    const NAME: &'static str = "orders.cancel";
    type In = OrderCancelRequested;
    type Out = (Option<OrderCancelled>, Option<RefundRequested>, Option<VoidRequested>);
    type Error = CommandError;

    async fn record(&self, event: &OrderCancelRequested, tx: &Tx<'_>) -> Result<Self::Out, CommandError> {
        let order_id = &event.order_id;
        let by = command::by(&event.requested_by, &event.by);
        let detail = format!("asked for by {by}: {}", event.reason);
        let note = Note { event_type: OrderCancelRequested::TYPE, detail: &detail };
        let step = store::advance::<CommandError>(tx, order_id, &note, |order| {
            // Customers may have used what needs no parcel.
            let is_seller = event.requested_by != "customer";
            Ok(if is_seller { order.revoke(reason(event)) } else { order.cancel(reason(event)) })
        });
        let Some(step) = step.await? else {
            // Nothing is captured or held for an order that is not paid.
            let Some(_) = store::unpaid(tx, order_id).await? else { return Err(CommandError::NotYet) };
            store::give_up(tx, order_id).await?;
            return Ok((None, None, None));
        };

        let reason = step.reason.to_string();
        let cancelled = step
            .enters(OrderState::Cancelled)
            .then(|| OrderCancelled { order_id: order_id.clone(), reason: reason.clone() });
        let refund = step.refund.then(|| rest(order_id.clone(), reason.clone()));
        let order = if step.void { store::document(tx, order_id).await?.map(|it| it.order) } else { None };
        // An order without a payment needs no void.
        let void = order.filter(|order| !order.tenders.is_empty()).map(|order| VoidRequested {
            order_id: order_id.clone(),
            reason,
            tenders: order.tenders,
        });
        Ok((cancelled, refund, void))
    }
}

/// A request may name a reason of the registry; any other text only says who asked.
fn reason(event: &OrderCancelRequested) -> Reason {
    Reason::parse(&event.reason).unwrap_or(if event.requested_by == "operator" {
        Reason::OperatorCancelled
    } else {
        Reason::CustomerCancelled
    })
}
