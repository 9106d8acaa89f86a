//! The state machine of an order, as a pure function of the facts about it.
//!
//! An order's lifecycle is the *set* of facts recorded so far, and its state follows from that set alone. So facts may
//! come in any order, twice or with gaps, and lead to the same state. Facts are never refused; commands may be.
//!
//! An order is as far as its units are. A parcel brings its contents. Parcels are added, voided or moved on, and none is
//! expected by its number.

use std::collections::{BTreeMap, BTreeSet};

use despatch_contracts::order::Order;
use despatch_domain::Reason;
use despatch_status::{OrderState, ParcelStage};
use serde::{Deserialize, Serialize};

/// The highest number of a parcel. A higher one is a mistake of the event's sender.
const LAST_PARCEL: u32 = 1000;

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
    /// So many units were picked into a parcel.
    Picked(u32, i64),
    /// A parcel reached this stage.
    Parcel(ParcelStage, u32),
    /// A parcel is not sent.
    ParcelVoided(u32),
    /// The carrier could not deliver a parcel.
    DeliveryFailed(u32),
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
    /// The units that we reserve and pick. The others bring the rest.
    ordered: i64,
    /// By parcel number. The edge reads this field of the row.
    parcels: BTreeMap<u32, ParcelFacts>,
    /// Facts about money that went back: `approved/<id>/<tender>`, `made/<id>/<tender>`, `failed/<id>/<tender>`,
    /// `refused/<id>`, `disputed/<reference>`, `lost/<reference>`. Amounts are payments' own.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    refunds: BTreeSet<String>,
    /// Units of lines whose refund was asked for, by the refund's id and the line's number.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    units: BTreeMap<String, BTreeMap<u32, i64>>,
}

/// Every fact about one parcel.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
struct ParcelFacts {
    /// Unknown until it is picked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    units: Option<i64>,
    /// The furthest that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    stage: Option<ParcelStage>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    voided: bool,
}

impl ParcelFacts {
    fn has_left(&self) -> bool {
        self.stage >= Some(ParcelStage::Despatched)
    }

    /// Returns whether it counts. A parcel that left does, even if its label was voided.
    fn lives(&self) -> bool {
        !self.voided || self.has_left()
    }
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
    /// Creates the lifecycle of an order that was just accepted.
    pub(crate) fn of(order: &Order) -> Lifecycle {
        Lifecycle { ordered: order.our_units(), ..Lifecycle::default() }
    }

    /// Counts the units of the order as its shop has it by now. So an order that waits for more units never ends before
    /// they have come.
    pub(crate) fn reorder(&mut self, order: &Order) -> Step {
        let from = self.state();
        self.ordered = order.our_units();
        let to = self.state();
        let is_end = from != to && to == OrderState::Completed;
        Step { from, to, ..Step::none(from, if is_end { Reason::AllDone } else { Reason::StepDone }) }
    }

    /// Returns the state that follows from the facts.
    pub(crate) fn state(&self) -> OrderState {
        if self.has(Mark::Cancelled) {
            return OrderState::Cancelled;
        }
        if self.parcels.values().any(|parcel| parcel.stage == Some(ParcelStage::Returned)) {
            return OrderState::Returned;
        }
        match self.reached() {
            Some(ParcelStage::Collected | ParcelStage::Delivered | ParcelStage::Returned) => {
                if self.has(Mark::Reviewed) { OrderState::Completed } else { OrderState::Delivered }
            }
            Some(ParcelStage::Despatched) => OrderState::Despatched,
            Some(ParcelStage::Ready) => OrderState::Ready,
            Some(ParcelStage::Labelled) => OrderState::Labelled,
            Some(ParcelStage::Picked) => OrderState::Picked,
            // Nothing is sent, so nobody is asked how it was.
            None if self.has(Mark::Captured) && !self.has_units() => OrderState::Completed,
            None if self.has(Mark::Captured) => OrderState::Paid,
            None if self.has(Mark::Reserved) && !self.has(Mark::Released) => OrderState::Reserved,
            None => OrderState::Accepted,
        }
    }

    /// Returns whether the order has units that we pick.
    pub(crate) fn has_units(&self) -> bool {
        self.ordered > 0
    }

    /// Returns the furthest stage that all ordered units have reached.
    fn reached(&self) -> Option<ParcelStage> {
        let units_at = |stage: ParcelStage| {
            let parcels = self.parcels.values().filter(|it| it.lives() && it.stage >= Some(stage));
            parcels.filter_map(|parcel| parcel.units).fold(0, i64::saturating_add)
        };
        let mut stages = ParcelStage::ALL.iter().rev().copied();
        stages.find(|stage| self.has_units() && units_at(*stage) >= self.ordered)
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
                // The units stay refunded if another tender paid its part.
                let (made, own) = (format!("made/{id}/"), format!("made/{id}/{tender}"));
                if !self.refunds.iter().any(|known| known.starts_with(&made) && *known != own) {
                    self.units.remove(id);
                }
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
            Fact::Picked(number, units) => (self.picked(number, units)?, Reason::StepDone),
            Fact::Parcel(stage, number) => (self.moved(number, stage)?, Reason::StepDone),
            Fact::ParcelVoided(number) => {
                let parcel = self.parcel(number)?;
                (!std::mem::replace(&mut parcel.voided, true), Reason::StepDone)
            }
            Fact::DeliveryFailed(number) => {
                self.failed(number)?;
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

    /// Cancels as the seller may: also an order of which nothing is sent, which is at its end once it is paid.
    pub(crate) fn revoke(&mut self, reason: Reason) -> Step {
        let from = self.state();
        if from != OrderState::Completed || self.has_units() || !self.parcels.is_empty() {
            return self.cancel(reason);
        }
        self.mark(Mark::Cancelled);
        Step { from, to: OrderState::Cancelled, reason, refund: true, void: false }
    }

    /// Notes that the customer collected what was ready. Returns the numbers of those parcels; a refusal changes nothing.
    pub(crate) fn collect(&mut self) -> (Step, Vec<u32>) {
        let from = self.state();
        let at = |stage| self.parcels.iter().filter(move |(_, it)| it.lives() && it.stage == Some(stage));
        let ready: Vec<u32> = at(ParcelStage::Ready).map(|(number, _)| *number).collect();
        if from == OrderState::Cancelled || ready.is_empty() {
            let is_known = at(ParcelStage::Collected).next().is_some();
            let reason = if is_known { Reason::AlreadyApplied } else { Reason::CommandRefused };
            return (Step::none(from, reason), Vec::new());
        }
        for parcel in
            self.parcels.values_mut().filter(|it| it.lives() && it.stage == Some(ParcelStage::Ready))
        {
            parcel.stage = Some(ParcelStage::Collected);
        }
        let to = self.state();
        let reason = if to == OrderState::Completed { Reason::AllDone } else { Reason::StepDone };
        (Step { from, to, ..Step::none(from, reason) }, ready)
    }

    /// Returns the number of parcels that go, as far as they are known.
    pub(crate) fn parcels(&self) -> u32 {
        u32::try_from(self.parcels.values().filter(|parcel| parcel.lives()).count()).unwrap_or(u32::MAX)
    }

    /// Returns whether all of the order is still with us: it is not at its end, and no parcel was handed over.
    pub(crate) fn is_ours(&self) -> bool {
        // The order is as far as all of its units, but some may have left.
        let left = self.parcels.values().any(ParcelFacts::has_left);
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

    /// Notes a parcel's contents; returns whether they are new.
    fn picked(&mut self, number: u32, units: i64) -> Result<bool, Reason> {
        let parcel = self.parcel(number)?;
        let before = *parcel;
        parcel.units = parcel.units.max(Some(units.max(0)));
        parcel.stage = parcel.stage.max(Some(ParcelStage::Picked));
        Ok(*parcel != before)
    }

    /// Notes a parcel's stage; returns whether it is new. A later stage implies the earlier ones.
    fn moved(&mut self, number: u32, stage: ParcelStage) -> Result<bool, Reason> {
        // A parcel must not leave after the order was cancelled. One that was packed meanwhile does no harm.
        if self.has(Mark::Cancelled) && stage >= ParcelStage::Despatched {
            return Err(Reason::UnexpectedFact);
        }
        let parcel = self.parcel(number)?;
        let before = *parcel;
        parcel.stage = parcel.stage.max(Some(stage));
        Ok(*parcel != before)
    }

    /// Checks a failed delivery, which is a case unless the parcel's way has ended since.
    fn failed(&self, number: u32) -> Result<(), Reason> {
        let stage = self.parcels.get(&checked(number)?).and_then(|parcel| parcel.stage);
        if stage >= Some(ParcelStage::Delivered) { Ok(()) } else { Err(Reason::DeliveryFailed) }
    }

    /// Returns the parcel of a number, which may be new.
    fn parcel(&mut self, number: u32) -> Result<&mut ParcelFacts, Reason> {
        Ok(self.parcels.entry(checked(number)?).or_default())
    }
}

/// Returns a parcel's number if a parcel can have it.
fn checked(number: u32) -> Result<u32, Reason> {
    if (1..=LAST_PARCEL).contains(&number) { Ok(number) } else { Err(Reason::UnexpectedFact) }
}

#[cfg(test)]
mod tests;
