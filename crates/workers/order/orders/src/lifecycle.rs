//! The state machine of an order, as a pure function of the facts about it.
//!
//! An order's lifecycle is the *set* of facts recorded so far, and its state follows from that set alone. So facts may
//! come in any order, twice or with gaps, and lead to the same state. Facts are never refused; commands may be.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use despatch_domain::Reason;
use despatch_status::{OrderState, ParcelStage};
use serde::{Deserialize, Serialize};

/// Most parcels of an order. More of them are a mistake of the event's sender.
const MOST_PARCELS: u32 = 1000;

/// A fact about an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fact<'a> {
    /// All units of the order are held.
    StockReserved,
    /// The held units were released.
    StockReleased,
    /// The money was captured.
    PaymentCaptured,
    /// This refund is approved, and under way.
    RefundApproved(Refund<'a>),
    /// This refund is made.
    PaymentRefunded(Refund<'a>),
    /// The refund of this id is not made.
    RefundRefused(&'a str),
    /// This refund was made and did not reach the customer.
    RefundFailed(Refund<'a>),
    /// The customer disputes the payment, under this reference.
    Disputed(&'a str),
    /// The customer's bank decided the dispute of this reference for the customer.
    DisputeLost(&'a str),
    /// The authorisation was voided.
    PaymentVoided,
    /// A parcel reached this stage.
    Parcel(ParcelStage, Parcel),
    /// The carrier could not deliver a parcel.
    DeliveryFailed(Parcel),
    /// The customer reviewed the order, or is not asked again.
    ReviewEnded,
    /// A mail was not sent, because the order has no address for it.
    MailSkipped,
}

/// A tender's part of a refund.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Refund<'a> {
    pub id: &'a str,
    /// The tender's number within the order.
    pub tender: u32,
}

/// One of an order's parcels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Parcel {
    /// From 1 to `of`.
    pub number: u32,
    /// The number of parcels of the order.
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
    Voided,
    Reviewed,
    Cancelled,
}

/// Every fact about one accepted order.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Lifecycle {
    marks: BTreeSet<Mark>,
    /// By parcel number; empty until a fact gives the number of parcels. The edge reads this field of the row.
    parcels: Vec<Option<ParcelStage>>,
    /// Facts about money that went back: `approved/<id>/<tender>`, `made/<id>/<tender>`, `failed/<id>/<tender>`,
    /// `refused/<id>`, `disputed/<reference>`, `lost/<reference>`. Amounts are payments' own.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    refunds: BTreeSet<String>,
    /// Units of lines whose refund was asked for, by the refund's id and the line's number.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    units: BTreeMap<String, BTreeMap<u32, i64>>,
}

/// The effect of a fact or a command on an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Step {
    /// The state before.
    pub from: OrderState,
    /// The state after; often the same.
    pub to: OrderState,
    /// The reason for the timeline.
    pub reason: Reason,
    /// Whether the captured money must be refunded.
    pub refund: bool,
    /// Whether the authorisation must be voided.
    pub void: bool,
}

impl Step {
    /// Returns a step that changes nothing, and why.
    pub(crate) fn none(state: OrderState, reason: Reason) -> Step {
        Step { from: state, to: state, reason, refund: false, void: false }
    }

    /// Returns whether this step led into `state`.
    pub(crate) fn enters(self, state: OrderState) -> bool {
        self.from != self.to && self.to == state
    }
}

impl Lifecycle {
    /// Returns the state that follows from the facts.
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

    /// Applies a fact. A known fact changes nothing.
    ///
    /// The error is the reason of the case that a person has to settle. It changes nothing either.
    pub(crate) fn apply(&mut self, fact: Fact<'_>) -> Result<Step, Reason> {
        let from = self.state();
        let cancelled = from == OrderState::Cancelled;
        let (news, reason) = match fact {
            Fact::StockReserved => (self.mark(Mark::Reserved), Reason::StepDone),
            // Inventory releases what was cancelled, and what was not confirmed in time.
            Fact::StockReleased if cancelled => (self.mark(Mark::Released), Reason::StepDone),
            Fact::StockReleased => (self.mark(Mark::Released), Reason::ReservationExpired),
            Fact::PaymentCaptured if cancelled => {
                (self.mark(Mark::Captured), Reason::CapturedAfterCancellation)
            }
            Fact::PaymentCaptured => (self.mark(Mark::Captured), Reason::StepDone),
            Fact::RefundApproved(Refund { id, tender }) => {
                (self.refunds.insert(format!("approved/{id}/{tender}")), Reason::StepDone)
            }
            Fact::PaymentRefunded(Refund { id, tender }) => {
                (self.refunds.insert(format!("made/{id}/{tender}")), Reason::StepDone)
            }
            Fact::RefundRefused(id) => {
                // Of a part that was approved, perhaps another tender's is made.
                let approved = format!("approved/{id}/");
                if !self.refunds.iter().any(|known| known.starts_with(&approved)) {
                    self.units.remove(id);
                }
                (self.refunds.insert(format!("refused/{id}")), Reason::CommandRefused)
            }
            Fact::RefundFailed(Refund { id, tender }) => {
                self.units.remove(id);
                (self.refunds.insert(format!("failed/{id}/{tender}")), Reason::RefundFailed)
            }
            Fact::Disputed(dispute) => {
                (self.refunds.insert(format!("disputed/{dispute}")), Reason::PaymentDisputed)
            }
            Fact::DisputeLost(dispute) => {
                (self.refunds.insert(format!("lost/{dispute}")), Reason::DisputeLost)
            }
            Fact::PaymentVoided if cancelled => (self.mark(Mark::Voided), Reason::StepDone),
            // An authorisation is voided only because the order was cancelled first.
            Fact::PaymentVoided => return Err(Reason::UnexpectedFact),
            Fact::Parcel(stage, parcel) => (self.parcel(parcel, stage)?, Reason::StepDone),
            Fact::DeliveryFailed(parcel) => {
                self.failed(parcel)?;
                (false, Reason::AlreadyApplied)
            }
            Fact::ReviewEnded => (self.mark(Mark::Reviewed), Reason::StepDone),
            Fact::MailSkipped => return Ok(Step::none(from, Reason::NoMailAddress)),
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

    /// Cancels the order for `reason` unless a parcel was despatched. A refusal is a step that changes nothing.
    pub(crate) fn cancel(&mut self, reason: Reason) -> Step {
        let from = self.state();
        if from == OrderState::Cancelled {
            return Step::none(from, Reason::AlreadyApplied);
        }
        if !self.is_ours() {
            return Step::none(from, Reason::CommandRefused);
        }
        self.mark(Mark::Cancelled);
        // Payments refunds only the rest.
        let refund = self.has(Mark::Captured);
        let void = !refund;
        Step { from, to: OrderState::Cancelled, reason, refund, void }
    }

    /// Returns whether all of the order is still with us: it is not at its end, and no parcel was handed over.
    pub(crate) fn is_ours(&self) -> bool {
        // The order is as far as its last parcel, but its first may have been despatched.
        let left = self.parcels.iter().flatten().any(|stage| *stage >= ParcelStage::Despatched);
        !left && self.state().may_become(OrderState::Cancelled)
    }

    /// Returns whether the money was captured.
    pub(crate) fn is_captured(&self) -> bool {
        self.has(Mark::Captured)
    }

    /// Returns whether this refund was asked for before.
    pub(crate) fn knows_refund(&self, id: &str) -> bool {
        let failed = format!("failed/{id}/");
        self.units.contains_key(id)
            || self.refunds.contains(&format!("refused/{id}"))
            || self.refunds.iter().any(|known| known.starts_with(&failed))
    }

    /// Returns for how many units of a line a refund was asked for.
    pub(crate) fn refunded_units(&self, line: u32) -> i64 {
        self.units.values().filter_map(|units| units.get(&line)).sum()
    }

    /// Notes that a refund of these units is asked for.
    pub(crate) fn ask_refund(&mut self, id: &str, units: BTreeMap<u32, i64>) {
        self.units.insert(id.to_owned(), units);
    }

    fn has(&self, mark: Mark) -> bool {
        self.marks.contains(&mark)
    }

    /// Notes a mark; returns whether it is new.
    fn mark(&mut self, mark: Mark) -> bool {
        self.marks.insert(mark)
    }

    /// Notes a parcel's stage; returns whether it is new.
    fn parcel(&mut self, parcel: Parcel, stage: ParcelStage) -> Result<bool, Reason> {
        let known = self.stage(parcel)?;
        // A parcel must not be despatched after the order was cancelled. One that was packed meanwhile does no harm.
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

    /// Checks a failed delivery, which is a case unless the parcel's way has ended since.
    fn failed(&self, parcel: Parcel) -> Result<(), Reason> {
        if self.stage(parcel)? >= Some(ParcelStage::Delivered) { Ok(()) } else { Err(Reason::DeliveryFailed) }
    }

    /// Returns the parcel's stage; an error if the order has no such parcel.
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
