//! An order's record, as the gateway returns it and `despatch orders show` prints it.

use std::collections::{BTreeMap, BTreeSet};

use despatch_status::{PLACED, PRUNED, ParcelStage};
use serde::Serialize;
use utoipa::ToSchema;

use crate::labels::{Label, LabelState, Packed};
use crate::messages::Message;
use crate::orders::{Progress, Step};
use crate::payments::Payment;
use crate::reviews::Review;

/// The record of an order. Times are RFC 3339 in UTC; amounts are in minor units.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct OrderRecord {
    /// The state, e.g. `paid`; `placed` until orders has accepted the order, `pruned` when it is no longer kept.
    #[schema(value_type = String)]
    pub state: &'static str,
    /// The ISO 4217 code.
    pub currency: String,
    /// The total.
    pub total_minor: i64,
    /// All steps, oldest first.
    pub timeline: Vec<Step>,
    /// The payment; `null` before a capture or cancellation.
    #[schema(required)]
    pub payment: Option<Payment>,
    /// The parcels.
    pub parcels: Vec<Parcel>,
    /// The messages to the customer, oldest first.
    pub messages: Vec<Message>,
    /// The customer's review.
    #[schema(required)]
    pub review: Option<Review>,
}

/// The carrier of parcels that the customer collects.
pub const PICKUP: &str = "pickup";

/// A parcel and its label.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Parcel {
    /// The parcel's number within the order, from 1.
    pub parcel: u32,
    /// The place among the parcels that go, as the label says. It differs from the number once a parcel was voided.
    pub position: u32,
    /// Whether it is not sent, because its units were taken off the order or are in another parcel.
    pub is_voided: bool,
    /// The carrier; `pickup` if the customer collects it. Then all that follows of its label is empty.
    pub carrier: String,
    /// The carrier's service.
    pub service: String,
    /// The carrier's tracking number.
    pub tracking_number: String,
    /// The id under which `/labels` serves the label.
    pub label_id: String,
    /// The reason code of the chosen service.
    pub reason: String,
    /// The weight and the sides, as the carrier was told; `null` without a label.
    #[schema(required)]
    pub packed: Option<Packed>,
    /// `valid`, `void-requested` or `voided`; `null` without a label.
    #[schema(required, value_type = Option<String>)]
    pub label_state: Option<LabelState>,
    /// The stage, e.g. `delivered`; `null` if none is known.
    #[schema(required, value_type = Option<String>)]
    pub stage: Option<ParcelStage>,
}

impl OrderRecord {
    /// Returns the record of a committed order that orders has not accepted yet.
    pub fn placed() -> Self {
        OrderRecord {
            state: PLACED,
            currency: String::new(),
            total_minor: 0,
            timeline: Vec::new(),
            payment: None,
            parcels: Vec::new(),
            messages: Vec::new(),
            review: None,
        }
    }

    /// Returns the record of an order that is no longer kept.
    pub(crate) fn pruned() -> Self {
        OrderRecord { state: PRUNED, ..OrderRecord::placed() }
    }

    /// Returns the record of an accepted order with the data of orders alone.
    pub(crate) fn accepted(progress: Progress, timeline: Vec<Step>) -> Self {
        OrderRecord {
            state: progress.state.name(),
            currency: progress.currency,
            total_minor: progress.total_minor,
            timeline,
            ..OrderRecord::placed()
        }
    }
}

impl Parcel {
    /// Returns the parcels of an order: those with a label, and those that the customer collects. `stages` are by number;
    /// `voided` are the numbers of those that are not sent.
    pub(crate) fn all(
        labels: Vec<Label>,
        stages: &BTreeMap<u32, ParcelStage>,
        voided: &BTreeSet<u32>,
    ) -> Vec<Parcel> {
        let is_labelled = |number: u32| labels.iter().any(|label| label.parcel == number);
        let is_collected = |stage| matches!(stage, ParcelStage::Ready | ParcelStage::Collected);
        let collected =
            stages.iter().filter(|(number, stage)| is_collected(**stage) && !is_labelled(**number));
        let collected: Vec<Parcel> =
            collected.map(|(number, stage)| Parcel::collected(*number, *stage)).collect();
        let mut parcels: Vec<Parcel> = labels.into_iter().map(|label| Parcel::new(label, stages)).collect();
        parcels.extend(collected);
        parcels.sort_by_key(|parcel| parcel.parcel);
        for parcel in &mut parcels {
            parcel.is_voided = voided.contains(&parcel.parcel);
        }
        parcels
    }

    fn collected(number: u32, stage: ParcelStage) -> Parcel {
        Parcel {
            parcel: number,
            position: number,
            is_voided: false,
            carrier: PICKUP.to_owned(),
            service: String::new(),
            tracking_number: String::new(),
            label_id: String::new(),
            reason: String::new(),
            packed: None,
            label_state: None,
            stage: Some(stage),
        }
    }

    /// Creates a label's parcel. `stages` are those of the order's parcels, by number.
    fn new(label: Label, stages: &BTreeMap<u32, ParcelStage>) -> Self {
        Parcel {
            stage: stages.get(&label.parcel).copied(),
            parcel: label.parcel,
            position: label.position,
            is_voided: false,
            carrier: label.carrier,
            service: label.service,
            tracking_number: label.tracking_number,
            label_id: label.label_id,
            reason: label.reason,
            packed: Some(label.packed),
            label_state: Some(label.state),
        }
    }
}
