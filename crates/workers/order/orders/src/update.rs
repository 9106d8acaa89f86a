//! `orders.update`: the shop's word that an order has other contents by now.

use despatch_contracts::Event as _;
use despatch_contracts::order::{
    AdditionReported, Order, OrderAccepted, OrderCancelRequested, OrderChanged, OrderCompleted,
    OrderUpdateReported,
};
use despatch_domain::Reason;
use despatch_runtime::{DbError, Handler, HandlerError, Tx, Verdict};
use despatch_status::OrderState;

use crate::change_address::{left, refusal};
use crate::difference::{self, Difference, at_once, is_older, nothing_stands};
use crate::lifecycle::{Lifecycle, Step};
use crate::store::{self, Accepted, Note};
use crate::validate::{Invalid, validate};
use crate::{lines, moved, tenders, unpaid};

/// Takes the newest contents of an order until a parcel of it is handed over. Units and amounts that are taken off, another
/// address and another service are followed at once; additions when they are paid for ([`Add`](crate::add::Add)). An order of
/// which no unit is left is cancelled. A person decides about the rest.
#[derive(Debug)]
pub(crate) struct Update;

/// Why the order did not take the shop's contents.
#[derive(Debug, thiserror::Error)]
pub(crate) enum UpdateError {
    /// The event has no order in it.
    #[error("expected an event with an order, found none")]
    Empty,
    /// The update may overtake the order.
    #[error("the order has not been accepted yet")]
    NotYet,
    /// The order cannot follow.
    #[error("the shop reports other contents of the order: {differences}; {refusal}")]
    Refused { differences: String, refusal: &'static str },
    /// The order could not be fulfilled as the shop has it now.
    #[error("the shop reports other contents of the order, which cannot be fulfilled: {0}")]
    Invalid(#[from] Invalid),
    #[error(transparent)]
    Database(#[from] DbError),
}

impl HandlerError for UpdateError {
    fn verdict(&self) -> Verdict {
        match self {
            UpdateError::Empty => Verdict::Reject(Reason::PayloadUndecodable),
            UpdateError::NotYet => Verdict::NotYet,
            UpdateError::Refused { .. } => Verdict::Reject(Reason::OrderChanged),
            UpdateError::Invalid(invalid) => Verdict::Reject(invalid.reason()),
            UpdateError::Database(_) => Verdict::Retry,
        }
    }
}

impl Handler for Update {
    const NAME: &'static str = "orders.update";
    type In = OrderUpdateReported;
    type Out = (
        (Option<OrderChanged>, Option<AdditionReported>, Option<OrderCancelRequested>),
        (Option<OrderAccepted>, Option<OrderCompleted>, Option<OrderUpdateReported>),
    );
    type Error = UpdateError;

    async fn record(&self, event: &OrderUpdateReported, tx: &Tx<'_>) -> Result<Self::Out, UpdateError> {
        let newer = event.order.as_ref().ok_or(UpdateError::Empty)?;
        if let Some(waiting) = store::unpaid(tx, &newer.order_id).await? {
            if !is_older(newer, &waiting.order) {
                let (order, moved) = unpaid::newest(waiting, newer);
                store::change_unpaid(tx, &order, moved.as_ref()).await?;
            }
            return Ok(Self::Out::default());
        }
        let known = store::document(tx, &newer.order_id).await?;
        let lifecycle = store::lifecycle(tx, &newer.order_id).await?;
        let (Some(Accepted { order: known, moved }), Some((version, lifecycle))) = (known, lifecycle) else {
            return Err(UpdateError::NotYet);
        };
        if is_older(newer, &known) {
            return Ok(Self::Out::default());
        }
        if nothing_stands(newer) && (lifecycle.is_ours() || lifecycle.state() == OrderState::Cancelled) {
            let known = Order { updated_at: newer.updated_at, ..known };
            store::change_document(tx, &known, moved.as_ref()).await?;
            let cancel = (lifecycle.state() != OrderState::Cancelled).then(|| cancellation(newer));
            return Ok(((None, None, cancel), (None, None, None)));
        }
        let (ship_to, moved_since) = moved::address(&known, moved.clone(), newer);
        let newer = Order { ship_to, ..newer.clone() };
        let newest = difference::newest(&known, &newer, lifecycle.is_captured());
        let difference = Difference::between(&known, &newest);
        let is_news = lifecycle.is_ours() && !difference.is_none();
        let problem = match refuse(&known, &newer, &difference, &lifecycle) {
            Some(refusal) => Some(UpdateError::Refused { differences: difference.words(), refusal }),
            None if is_news => validate(&newest).err().map(UpdateError::Invalid),
            None => None,
        };
        if let Some(problem) = problem {
            if !lifecycle.is_ours() || !difference.takes_off() {
                return Err(problem);
            }
            let accepted = Accepted { order: known, moved };
            return take_off(tx, event, accepted, &newest, version).await;
        }
        let moved = moved_since;
        let order = if !lifecycle.is_ours() {
            Order { updated_at: newest.updated_at, ..known.clone() }
        } else if difference.adds() {
            at_once(&known, &newest)
        } else {
            newest.clone()
        };
        let detail = difference.words();
        let note = Note { event_type: OrderUpdateReported::TYPE, detail: &detail };
        let step = store::advance::<DbError>(tx, &order.order_id, &note, |lifecycle| {
            // An addition that was not followed may be withdrawn, and then nothing differs.
            let step = lifecycle.reorder(&newest);
            let is_known = !is_news && step.from == step.to;
            Ok(if is_known { Step::none(step.to, Reason::AlreadyApplied) } else { step })
        });
        let step = step.await?.ok_or(UpdateError::NotYet)?;
        store::change_document(tx, &order, moved.as_ref()).await?;
        let followed = Difference::between(&known, &order);
        let changed = (!followed.is_none()).then(|| OrderChanged {
            order: Some(order.clone()),
            change: change(version),
            needs_labels: followed.moves(),
            requested_by: order.shop.clone(),
        });
        let is_captured = is_news
            && lifecycle.state() == OrderState::Accepted
            && tenders::are_captured_since(&known.tenders, &order.tenders);
        let addition =
            (is_news && difference.adds()).then(|| AdditionReported { order: Some(newest.clone()) });
        let accepted = is_captured.then(|| OrderAccepted { order: Some(order.clone()) });
        let completed =
            step.enters(OrderState::Completed).then(|| OrderCompleted { order_id: order.order_id.clone() });
        Ok(((changed, addition, None), (accepted, completed, None)))
    }
}

/// Takes units off an order that cannot follow the rest of the shop's word, because they must not be sent. The word comes
/// again, and is a case then.
async fn take_off(
    tx: &Tx<'_>,
    event: &OrderUpdateReported,
    Accepted { order: known, moved }: Accepted,
    newest: &Order,
    version: i32,
) -> Result<<Update as Handler>::Out, UpdateError> {
    let order = difference::taken_off(&known, newest);
    let detail = Difference::between(&known, &order).words();
    let note = Note { event_type: OrderUpdateReported::TYPE, detail: &detail };
    let step =
        store::advance::<DbError>(tx, &order.order_id, &note, |lifecycle| Ok(lifecycle.reorder(newest)));
    let step = step.await?.ok_or(UpdateError::NotYet)?;
    store::change_document(tx, &order, moved.as_ref()).await?;
    let completed =
        step.enters(OrderState::Completed).then(|| OrderCompleted { order_id: order.order_id.clone() });
    let changed = OrderChanged {
        requested_by: order.shop.clone(),
        order: Some(order),
        change: change(version),
        needs_labels: false,
    };
    Ok(((Some(changed), None, None), (None, completed, Some(event.clone()))))
}

/// Returns the number of the change that is the next entry of the order's timeline.
pub(crate) fn change(version: i32) -> u32 {
    u32::try_from(version).unwrap_or(0) + 1
}

fn cancellation(order: &Order) -> OrderCancelRequested {
    OrderCancelRequested {
        order_id: order.order_id.clone(),
        reason: Reason::ShopCancelled.code().to_owned(),
        requested_by: order.shop.clone(),
        by: String::new(),
    }
}

/// Returns why the order cannot take the shop's contents, and the next step of a person.
fn refuse(
    known: &Order,
    newer: &Order,
    difference: &Difference,
    lifecycle: &Lifecycle,
) -> Option<&'static str> {
    if lifecycle.state() == OrderState::Cancelled {
        return Some("the order is cancelled here: the shop places it again under a new number");
    }
    let go_otherwise = lines::go_otherwise(&known.lines, &newer.lines);
    if difference.is_none() && known.currency == newer.currency && !go_otherwise {
        return None;
    }
    if let Some(left) = left(lifecycle) {
        return Some(left);
    }
    if known.currency != newer.currency {
        return Some("it is in another currency: cancel it, and the shop places it again");
    }
    if go_otherwise {
        return Some(
            "units that were to be sent are collected, or the other way round: cancel it, and the shop places it again",
        );
    }
    let address =
        newer.ship_to.as_ref().filter(|_| !difference.address().is_empty() && newer.is_shipped())?;
    refusal(known.ship_to.as_ref().unwrap_or(address), address)
}
