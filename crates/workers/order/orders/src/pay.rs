//! `orders.pay` and `orders.give-up`: the ends of the wait for a payment.

use despatch_contracts::Event as _;
use despatch_contracts::order::{
    AdditionReported, Order, OrderAccepted, OrderChanged, PaymentDue, PaymentReported, Tender, TenderState,
};
use despatch_contracts::tender;
use despatch_domain::{Reason, amount};
use despatch_runtime::{DbError, Handler, HandlerError, Tx, Verdict};
use despatch_status::OrderState;

use crate::accept::{self, AcceptError};
use crate::difference::{self, Difference, is_older};
use crate::lifecycle::{Lifecycle, Step};
use crate::store::{self, Accepted, Note, PAID_WITHIN, Unpaid};
use crate::tenders;
use crate::unpaid::{self, is_pending, is_unpaid, stop_waiting};
use crate::update::change;

/// `orders.pay`: work on an order begins once the shop says that it is paid.
#[derive(Debug)]
pub(crate) struct Pay;

/// Why the shop's word was not followed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PayError {
    /// The report may overtake the order.
    #[error("the order has not been placed yet")]
    NotYet,
    /// The shop captured another amount than the order's, and its update has not come yet.
    #[error("the payment is for other contents of the order than are known yet")]
    ContentsToCome,
    /// Nobody waits for the payment any more.
    #[error("the order is paid now, and was given up before, by the shop or after {} days", PAID_WITHIN.as_secs() / 86_400)]
    TooLate,
    /// A part was paid, and the rest did not come.
    #[error("the order is given up, and the shop has {paid} of it")]
    PartlyPaid { paid: String },
    #[error(transparent)]
    Accept(#[from] AcceptError),
    #[error(transparent)]
    Database(#[from] DbError),
}

impl HandlerError for PayError {
    fn verdict(&self) -> Verdict {
        match self {
            PayError::NotYet | PayError::ContentsToCome => Verdict::NotYet,
            PayError::TooLate | PayError::PartlyPaid { .. } => Verdict::Reject(Reason::PaidTooLate),
            PayError::Accept(error) => error.verdict(),
            PayError::Database(_) => Verdict::Retry,
        }
    }
}

impl Handler for Pay {
    const NAME: &'static str = "orders.pay";
    type In = PaymentReported;
    type Out = (Option<OrderAccepted>, Option<OrderChanged>, Option<AdditionReported>);
    type Error = PayError;

    async fn record(&self, event: &PaymentReported, tx: &Tx<'_>) -> Result<Self::Out, PayError> {
        let order_id = event.order_id.as_str();
        let Some(waiting) = store::unpaid(tx, order_id).await? else {
            return accepted_before(event, tx).await;
        };
        let is_overtaken = event.order.as_ref().is_some_and(|newer| is_older(newer, &waiting.order));
        // The shop does not say how the order is paid.
        if is_overtaken || event.tenders.is_empty() {
            return Ok((None, None, None));
        }
        let is_given_up = waiting.is_given_up;
        let is_paid = |tender: &Tender| tender.state() == TenderState::Captured;
        if is_given_up && event.tenders.iter().any(is_paid) {
            return Err(PayError::TooLate);
        }
        let (mut order, moved) = match &event.order {
            Some(newer) => unpaid::newest(waiting, newer),
            None => (waiting.order, waiting.moved),
        };
        if event.is_part {
            event.tenders.iter().for_each(|part| add(&mut order.tenders, part));
        } else {
            order.tenders.clone_from(&event.tenders);
        }
        if is_unpaid(&order) {
            if event.is_part || event.order.is_some() {
                store::change_unpaid(tx, &order, moved.as_ref()).await?;
            }
            return Ok((None, None, None));
        }
        if !order.tenders.iter().any(tender::lives) {
            // The shop gave the order up.
            store::give_up(tx, order_id).await?;
            stop_waiting(tx, order_id).await?;
            return Ok((None, None, None));
        }
        if is_given_up {
            return Err(PayError::TooLate);
        }
        store::forget_unpaid(tx, order_id).await?;
        stop_waiting(tx, order_id).await?;
        let accepted = accept::accept(tx, &order, PaymentReported::TYPE).await?;
        if let (Some(OrderAccepted { order: Some(order) }), Some(moved)) = (&accepted, &moved) {
            store::change_document(tx, order, Some(moved)).await?;
        }
        Ok((accepted, None, None))
    }
}

/// Lets an accepted order go on whose payment was authorised at the shop, and which the shop has captured by now; or reports
/// an addition again that is paid for by now. About any other accepted order the shop's word is no news.
async fn accepted_before(event: &PaymentReported, tx: &Tx<'_>) -> Result<<Pay as Handler>::Out, PayError> {
    let order_id = event.order_id.as_str();
    let known = store::document(tx, order_id).await?;
    let lifecycle = store::lifecycle(tx, order_id).await?;
    let (Some(Accepted { order: known, moved }), Some((version, lifecycle))) = (known, lifecycle) else {
        return Err(PayError::NotYet);
    };
    if event.order.as_ref().is_some_and(|newer| is_older(newer, &known)) {
        return Ok((None, None, None));
    }
    if !event.is_part
        && lifecycle.state() == OrderState::Accepted
        && tenders::are_captured_since(&known.tenders, &event.tenders)
    {
        if event.order.is_some() && !tenders::add_up(&event.tenders, &known) {
            return Err(PayError::ContentsToCome);
        }
        let order = Order { tenders: event.tenders.clone(), ..known };
        store::change_document(tx, &order, moved.as_ref()).await?;
        let note = Note { event_type: PaymentReported::TYPE, detail: "captured in the shop" };
        let step = |order: &mut Lifecycle| Ok(Step::none(order.state(), Reason::StepDone));
        store::advance::<PayError>(tx, order_id, &note, step).await?;
        // Workers that noted an earlier change would go on with the tenders that it had.
        let changed = OrderChanged {
            order: Some(order.clone()),
            change: change(version),
            needs_labels: false,
            requested_by: order.shop.clone(),
        };
        return Ok((Some(OrderAccepted { order: Some(order) }), Some(changed), None));
    }
    let addition = event.order.as_ref().filter(|newer| {
        let is_captured = lifecycle.is_captured();
        let newest = difference::newest(&known, newer, is_captured);
        Difference::between(&known, &newest).adds()
            && lifecycle.is_ours()
            && tenders::paying(&known, newer, is_captured).is_some()
    });
    Ok((None, None, addition.map(|newer| AdditionReported { order: Some(newer.clone()) })))
}

/// Adds a part that was paid, once, and takes it off what is pending.
fn add(tenders: &mut Vec<Tender>, part: &Tender) {
    if tenders.iter().any(|it| it.provider == part.provider && it.reference == part.reference) {
        return;
    }
    // A shop's order says how much is paid without a reference. The part may be of that, so it counts first: an order that
    // waits too long is settled by the next word of the whole order, and one that goes too early is not.
    let is_sum = |it: &Tender| it.state() == TenderState::Captured && it.reference.is_empty();
    let mut paid = part.amount_minor;
    for is_next in [is_sum, is_pending as fn(&Tender) -> bool] {
        for open in tenders.iter_mut().filter(|it| is_next(it) && it.currency == part.currency) {
            let less = open.amount_minor.min(paid);
            open.amount_minor -= less;
            paid -= less;
        }
    }
    tenders.retain(|it| it.amount_minor > 0);
    tenders.push(part.clone());
}

/// `orders.give-up`: ends the wait for a payment that did not come.
#[derive(Debug)]
pub(crate) struct GiveUp;

impl Handler for GiveUp {
    const NAME: &'static str = "orders.give-up";
    type In = PaymentDue;
    type Out = ();
    type Error = PayError;

    async fn record(&self, event: &PaymentDue, tx: &Tx<'_>) -> Result<(), PayError> {
        let Some(Unpaid { order, .. }) = store::unpaid(tx, &event.order_id).await? else { return Ok(()) };
        let is_paid = |tender: &&Tender| tender.state() == TenderState::Captured;
        let paid: i64 = order.tenders.iter().filter(is_paid).map(|tender| tender.amount_minor).sum();
        if paid > 0 {
            return Err(PayError::PartlyPaid { paid: amount(paid, &order.currency) });
        }
        Ok(store::give_up(tx, &event.order_id).await?)
    }
}
