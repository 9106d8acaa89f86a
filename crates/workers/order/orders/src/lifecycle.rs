//! The state machine of an order, as a pure function of the facts about it.
//!
//! An order's lifecycle is the *set* of facts recorded so far, and its state follows from that set alone. So facts may
//! come in any order, twice or with gaps, and still lead to the same state. Facts are never refused; commands may be.

use std::collections::BTreeSet;
use std::fmt;

use despatch_domain::Reason;
use despatch_status::{OrderState, ParcelStage};
use serde::{Deserialize, Serialize};

/// An order of more parcels than this is a mistake of the event's sender.
const MOST_PARCELS: u32 = 1000;

/// Something that happened and that an order has to live with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fact {
    /// All units of the order are held.
    StockReserved,
    /// The held units went back.
    StockReleased,
    /// The money was captured.
    PaymentCaptured,
    /// The captured money went back.
    PaymentRefunded,
    /// The authorisation was let go.
    PaymentVoided,
    /// A parcel got this far.
    Parcel(ParcelStage, Parcel),
    /// The carrier could not deliver a parcel.
    DeliveryFailed(Parcel),
    /// The customer reviewed the order, or will not be asked again.
    ReviewEnded,
}

/// One of an order's parcels: 1-based, out of how many.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Parcel {
    /// From 1 to `of`.
    pub number: u32,
    /// How many parcels the order has.
    pub of: u32,
}

impl fmt::Display for Parcel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "parcel {} of {}", self.number, self.of)
    }
}

/// A fact about the order as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Mark {
    Reserved,
    Released,
    Captured,
    Refunded,
    Voided,
    Reviewed,
    Cancelled,
}

/// Every fact about one accepted order.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Lifecycle {
    marks: BTreeSet<Mark>,
    /// By parcel number; empty until a fact says how many there are. The edge reads this field of the row.
    parcels: Vec<Option<ParcelStage>>,
}

/// What a fact or a command did to an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Step {
    /// The state before.
    pub from: OrderState,
    /// The state after; often the same.
    pub to: OrderState,
    /// Why, for the timeline.
    pub reason: Reason,
    /// The money that was captured has to go back.
    pub refund: bool,
    /// The authorisation has to be let go.
    pub void: bool,
}

impl Step {
    /// A step to nowhere: why nothing changed.
    pub(crate) fn none(state: OrderState, reason: Reason) -> Step {
        Step { from: state, to: state, reason, refund: false, void: false }
    }

    /// Whether this step is the one that led into `state`.
    pub(crate) fn enters(self, state: OrderState) -> bool {
        self.from != self.to && self.to == state
    }
}

impl Lifecycle {
    /// The state that follows from the facts.
    pub(crate) fn state(&self) -> OrderState {
        if self.has(Mark::Cancelled) {
            return OrderState::Cancelled;
        }
        if self.parcels.contains(&Some(ParcelStage::Returned)) {
            return OrderState::Returned;
        }
        // `None`, a parcel without a fact, is less than any stage.
        match self.parcels.iter().min().copied().flatten() {
            Some(ParcelStage::Delivered | ParcelStage::Returned) if self.has(Mark::Reviewed) => {
                OrderState::Completed
            }
            Some(ParcelStage::Delivered | ParcelStage::Returned) => OrderState::Delivered,
            Some(ParcelStage::Despatched) => OrderState::Despatched,
            Some(ParcelStage::Labelled) => OrderState::Labelled,
            Some(ParcelStage::Picked) => OrderState::Picked,
            None if self.has(Mark::Captured) => OrderState::Paid,
            None if self.has(Mark::Reserved) && !self.has(Mark::Released) => OrderState::Reserved,
            None => OrderState::Accepted,
        }
    }

    /// Applies a fact. A fact that is known changes nothing.
    ///
    /// The error is the reason of the case that a person has to settle; then nothing changed either.
    pub(crate) fn apply(&mut self, fact: Fact) -> Result<Step, Reason> {
        let from = self.state();
        let cancelled = from == OrderState::Cancelled;
        let (news, reason) = match fact {
            Fact::StockReserved => (self.mark(Mark::Reserved), Reason::StepDone),
            // Inventory releases what was cancelled or what was not confirmed in time.
            Fact::StockReleased if cancelled => (self.mark(Mark::Released), Reason::StepDone),
            Fact::StockReleased => (self.mark(Mark::Released), Reason::ReservationExpired),
            Fact::PaymentCaptured if cancelled => {
                (self.mark(Mark::Captured), Reason::CapturedAfterCancellation)
            }
            Fact::PaymentCaptured => (self.mark(Mark::Captured), Reason::StepDone),
            Fact::PaymentRefunded => (self.mark(Mark::Refunded), Reason::StepDone),
            Fact::PaymentVoided if cancelled => (self.mark(Mark::Voided), Reason::StepDone),
            // An authorisation is only ever let go because the order was cancelled first.
            Fact::PaymentVoided => return Err(Reason::UnexpectedFact),
            Fact::Parcel(stage, parcel) => (self.parcel(parcel, stage)?, Reason::StepDone),
            Fact::DeliveryFailed(parcel) => {
                self.failed(parcel)?;
                (false, Reason::AlreadyApplied)
            }
            Fact::ReviewEnded => (self.mark(Mark::Reviewed), Reason::StepDone),
        };
        let to = self.state();
        let reason = match to {
            _ if !news => Reason::AlreadyApplied,
            OrderState::Completed if from != to => Reason::AllDone,
            OrderState::Returned if from != to => Reason::ParcelReturned,
            _ => reason,
        };
        Ok(Step { from, to, reason, refund: reason == Reason::CapturedAfterCancellation, void: false })
    }

    /// Cancels the order for `reason` unless a parcel of it has left. A refusal is a step too: to nowhere.
    pub(crate) fn cancel(&mut self, reason: Reason) -> Step {
        let from = self.state();
        if from == OrderState::Cancelled {
            return Step::none(from, Reason::AlreadyApplied);
        }
        // The order is as far as its last parcel, but its first may have left already.
        let left = self.parcels.iter().flatten().any(|stage| *stage >= ParcelStage::Despatched);
        if left || !from.may_become(OrderState::Cancelled) {
            return Step::none(from, Reason::CommandRefused);
        }
        self.mark(Mark::Cancelled);
        let refund = self.has(Mark::Captured) && !self.has(Mark::Refunded);
        let void = !self.has(Mark::Captured);
        Step { from, to: OrderState::Cancelled, reason, refund, void }
    }

    fn has(&self, mark: Mark) -> bool {
        self.marks.contains(&mark)
    }

    /// Whether this is news.
    fn mark(&mut self, mark: Mark) -> bool {
        self.marks.insert(mark)
    }

    /// Whether this is news.
    fn parcel(&mut self, parcel: Parcel, stage: ParcelStage) -> Result<bool, Reason> {
        let known = self.stage(parcel)?;
        // A parcel is not to leave after the order was cancelled; that it was packed meanwhile does no harm.
        if self.has(Mark::Cancelled) && stage >= ParcelStage::Despatched {
            return Err(Reason::UnexpectedFact);
        }
        if known >= Some(stage) {
            return Ok(false);
        }
        if self.parcels.is_empty() {
            self.parcels = vec![None; parcel.of as usize];
        }
        self.parcels[parcel.number as usize - 1] = Some(stage);
        Ok(true)
    }

    /// A failed delivery is a case, unless the parcel's way has ended since.
    fn failed(&self, parcel: Parcel) -> Result<(), Reason> {
        if self.stage(parcel)? >= Some(ParcelStage::Delivered) { Ok(()) } else { Err(Reason::DeliveryFailed) }
    }

    /// How far the parcel got; an error when the order has no such parcel.
    fn stage(&self, Parcel { number, of }: Parcel) -> Result<Option<ParcelStage>, Reason> {
        let known = self.parcels.is_empty() || self.parcels.len() == of as usize;
        if known && (1..=of).contains(&number) && of <= MOST_PARCELS {
            Ok(self.parcels.get(number as usize - 1).copied().flatten())
        } else {
            Err(Reason::UnexpectedFact)
        }
    }
}

#[cfg(test)]
mod tests;
