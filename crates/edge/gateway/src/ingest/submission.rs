//! What a request brings, as it is committed.

use bytes::Bytes;
use despatch_contracts::{Emitted, Subject};
use uuid::Uuid;

use super::new_order::NewOrder;
use crate::sources::shippo::Scanned;

/// What a request brings.
#[derive(Debug, Clone)]
pub(crate) enum Submission {
    /// An order; one with a known natural key is not accepted again.
    Order(NewOrder),
    /// A scan of one of our parcels, and what it is to its order; the same movement counts once.
    Scan(Scanned, Emitted),
    /// A scan of a parcel that is not ours, as it came.
    UnknownParcel(Scanned, Bytes),
    /// Anything that may come as often as it likes: its consumers recognise repetitions themselves.
    Event(Emitted),
    /// Nothing: asks whether something could be committed now.
    Probe,
}

impl Submission {
    /// The known order that the submission is about; `None` for a new order.
    pub(crate) fn about(&self) -> Option<Uuid> {
        match self {
            Submission::Scan(_, event) | Submission::Event(event) => {
                Uuid::try_parse(Subject::parse(&event.subject).id()).ok()
            }
            Submission::Order(_) | Submission::UnknownParcel(..) | Submission::Probe => None,
        }
    }
}
