//! All that is known of one order, as the gateway answers it and `despatch order show` prints it.

use despatch_status::{PLACED, ParcelStage};
use serde::Serialize;
use utoipa::ToSchema;

use crate::labels::Label;
use crate::messages::Message;
use crate::orders::{Progress, Step};
use crate::payments::Payment;
use crate::reviews::Review;

/// What the workers know of an order. Times are RFC 3339 in UTC, amounts are in minor units.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct OrderRecord {
    /// How far the order is, e.g. `paid`; `placed` until orders has accepted it.
    #[schema(value_type = String)]
    pub state: &'static str,
    /// ISO 4217.
    pub currency: String,
    /// What it costs.
    pub total_minor: i64,
    /// Every step, oldest first.
    pub timeline: Vec<Step>,
    /// What moved between the customer and the shop; `null` before a capture or cancellation.
    #[schema(required)]
    pub payment: Option<Payment>,
    /// What is or was to be sent.
    pub parcels: Vec<Parcel>,
    /// What the customer was notified of, oldest first.
    pub messages: Vec<Message>,
    /// What the customer thinks of it.
    #[schema(required)]
    pub review: Option<Review>,
}

/// A parcel and its label.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Parcel {
    /// 1-based within the order.
    pub parcel: u32,
    /// Who carries it.
    pub carrier: String,
    /// The carrier's service.
    pub service: String,
    /// The carrier's number.
    pub tracking_number: String,
    /// Under which `/labels` serves the label.
    pub label_id: String,
    /// Why this service, as a reason code.
    pub reason: String,
    /// How far it got, e.g. `delivered`; `null` while that is not known.
    #[schema(required, value_type = Option<String>)]
    pub stage: Option<ParcelStage>,
}

impl OrderRecord {
    /// The record of an order that is committed, but that orders has not accepted yet.
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

    /// The record of an accepted order, as far as orders knows it.
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
    /// A label's parcel; `stages` are those of the order's parcels, by number from 1.
    pub(crate) fn new(label: Label, stages: &[Option<ParcelStage>]) -> Self {
        let index = usize::try_from(label.parcel).ok().and_then(|number| number.checked_sub(1));
        Parcel {
            parcel: label.parcel,
            carrier: label.carrier,
            service: label.service,
            tracking_number: label.tracking_number,
            label_id: label.label_id,
            reason: label.reason,
            stage: index.and_then(|index| *stages.get(index)?),
        }
    }
}
