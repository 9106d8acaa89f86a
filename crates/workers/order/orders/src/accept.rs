//! `orders.accept`: checks a placed order. Work on it begins, or it becomes a case.

use despatch_contracts::Event as _;
use despatch_contracts::order::{Order, OrderAccepted, OrderPlaced, PaymentDue};
use despatch_domain::Reason;
use despatch_runtime::{DbError, Handler, HandlerError, Timer, Tx, Verdict};

use crate::email;
use crate::lifecycle::Step;
use crate::store::{self, Note};
use crate::unpaid;
use crate::validate::{Invalid, validate};

/// Accepts orders that are paid for and pass every check.
#[derive(Debug)]
pub(crate) struct Accept {
    pub(crate) payment_due: Timer<PaymentDue>,
}

/// Why an order was not accepted.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AcceptError {
    /// The event has no order in it.
    #[error("expected an event with an order, found none")]
    Empty,
    /// The order cannot be fulfilled as it is.
    #[error(transparent)]
    Invalid(#[from] Invalid),
    /// Another order has the same natural key.
    #[error(
        "expected a new order of shop {shop:?}, found {shop_order_id:?}, which was accepted before, under another id or so long ago that it is no longer kept"
    )]
    Taken { shop: String, shop_order_id: String },
    #[error(transparent)]
    Database(#[from] DbError),
}

impl HandlerError for AcceptError {
    fn verdict(&self) -> Verdict {
        match self {
            AcceptError::Empty => Verdict::Reject(Reason::PayloadUndecodable),
            AcceptError::Invalid(invalid) => Verdict::Reject(invalid.reason()),
            AcceptError::Taken { .. } => Verdict::Reject(Reason::OrderChanged),
            AcceptError::Database(_) => Verdict::Retry,
        }
    }
}

impl Handler for Accept {
    const NAME: &'static str = "orders.accept";
    type In = OrderPlaced;
    type Out = Option<OrderAccepted>;
    type Error = AcceptError;

    async fn record(&self, event: &OrderPlaced, tx: &Tx<'_>) -> Result<Self::Out, AcceptError> {
        let order = event.order.as_ref().ok_or(AcceptError::Empty)?;
        if unpaid::is_unpaid(order) {
            unpaid::wait(tx, self.payment_due, order).await?;
            return Ok(None);
        }
        accept(tx, order, OrderPlaced::TYPE).await
    }
}

/// Accepts an order if it passes every check. `event_type` is that of the event that carries it.
pub(crate) async fn accept(
    tx: &Tx<'_>,
    order: &Order,
    event_type: &'static str,
) -> Result<Option<OrderAccepted>, AcceptError> {
    validate(order)?;
    let mut order = order.clone();
    let mut detail = format!("{} lines from {} by {}", order.lines.len(), order.shop, order.channel);
    if !email::keep_usable(&mut order) {
        detail.push_str("; no usable e-mail address, so no mails");
    }
    let note = Note { event_type, detail: &detail };
    if store::accept(tx, &order, &note).await? {
        return Ok(Some(OrderAccepted { order: Some(order) }));
    }
    let again = store::advance::<AcceptError>(tx, &order.order_id, &note, |order| {
        Ok(Step::none(order.state(), Reason::AlreadyApplied))
    });
    if again.await?.is_none() {
        let Order { shop, shop_order_id, .. } = order;
        return Err(AcceptError::Taken { shop, shop_order_id });
    }
    Ok(None)
}
