//! `orders.add`: units or amounts that the shop added to an order, once they are paid for.

use despatch_contracts::Event as _;
use despatch_contracts::order::{AdditionReported, Order, OrderAccepted, OrderChanged, OrderExtended};
use despatch_domain::Reason;
use despatch_runtime::{DbError, Handler, HandlerError, Tx, Verdict};
use despatch_status::OrderState;

use crate::change_address::left;
use crate::difference::{self, Difference, is_older};
use crate::lifecycle::Step;
use crate::store::{self, Accepted, Note};
use crate::tenders;
use crate::update::change;
use crate::validate::{Invalid, validate};

/// Extends orders until a parcel is handed over.
#[derive(Debug)]
pub(crate) struct Add;

/// Why the order was not extended.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AddError {
    /// The event has no order in it.
    #[error("expected an event with an order, found none")]
    Empty,
    /// The order is not known.
    #[error("the order has not been accepted yet")]
    NotYet,
    /// The customer has yet to pay for the addition.
    #[error(
        "the shop added to the order, and no payment covers it: {differences}; take the payment in the shop, whose next word is followed by itself, then replay"
    )]
    Unpaid { differences: String },
    /// It is too late.
    #[error("the shop added to the order: {differences}; {refusal}")]
    Left { differences: String, refusal: &'static str },
    /// The order could not be fulfilled as the shop has it now.
    #[error("the shop added to the order, which cannot be fulfilled then: {0}")]
    Invalid(#[from] Invalid),
    #[error(transparent)]
    Database(#[from] DbError),
}

impl HandlerError for AddError {
    fn verdict(&self) -> Verdict {
        match self {
            AddError::Empty => Verdict::Reject(Reason::PayloadUndecodable),
            AddError::NotYet => Verdict::NotYet,
            AddError::Unpaid { .. } | AddError::Left { .. } => Verdict::Reject(Reason::OrderChanged),
            AddError::Invalid(invalid) => Verdict::Reject(invalid.reason()),
            AddError::Database(_) => Verdict::Retry,
        }
    }
}

impl Handler for Add {
    const NAME: &'static str = "orders.add";
    type In = AdditionReported;
    type Out = (Option<OrderChanged>, Option<OrderExtended>, Option<OrderAccepted>);
    type Error = AddError;

    async fn record(&self, event: &AdditionReported, tx: &Tx<'_>) -> Result<Self::Out, AddError> {
        let newer = event.order.as_ref().ok_or(AddError::Empty)?;
        let known = store::document(tx, &newer.order_id).await?;
        let lifecycle = store::lifecycle(tx, &newer.order_id).await?;
        let (Some(Accepted { order: known, moved }), Some((version, lifecycle))) = (known, lifecycle) else {
            return Err(AddError::NotYet);
        };
        if is_older(newer, &known) {
            return Ok((None, None, None));
        }
        // Where and how fast it goes is a matter of the update itself.
        let Order { ship_to, service_level, .. } = known.clone();
        let newer = Order { ship_to, service_level, ..newer.clone() };
        let is_captured = lifecycle.is_captured();
        let newest = difference::newest(&known, &newer, is_captured);
        let difference = Difference::between(&known, &newest);
        let differences = difference.words();
        let note = Note { event_type: AdditionReported::TYPE, detail: &differences };
        if !difference.adds() || lifecycle.state() == OrderState::Cancelled {
            let reason = if difference.adds() { Reason::CommandRefused } else { Reason::AlreadyApplied };
            store::advance::<DbError>(tx, &known.order_id, &note, |order| {
                Ok(Step::none(order.state(), reason))
            })
            .await?;
            return Ok((None, None, None));
        }
        if let Some(refusal) = left(&lifecycle) {
            return Err(AddError::Left { differences, refusal });
        }
        validate(&newest)?;
        let Some(tenders) = tenders::paying(&known, &newer, is_captured) else {
            return Err(AddError::Unpaid { differences });
        };
        let newest = Order { tenders, ..newest };
        store::advance::<DbError>(tx, &newest.order_id, &note, |order| Ok(order.reorder(&newest))).await?;
        store::change_document(tx, &newest, moved.as_ref()).await?;
        let change = change(version);
        // A payment's report may have come before the update.
        let changed = difference.takes_off().then(|| OrderChanged {
            order: Some(newest.clone()),
            change,
            needs_labels: false,
            requested_by: newest.shop.clone(),
        });
        let goes_on = lifecycle.state() == OrderState::Accepted
            && tenders::are_captured_since(&known.tenders, &newest.tenders);
        let accepted = goes_on.then(|| OrderAccepted { order: Some(newest.clone()) });
        Ok((changed, Some(OrderExtended { order: Some(newest), change }), accepted))
    }
}
