//! Submissions: the contents of requests, as they are committed.

use bytes::Bytes;
use despatch_contracts::{Emitted, Subject};
use uuid::Uuid;

use super::new_order::NewOrder;
use crate::sources::shippo::Scanned;

/// The content of a request.
#[derive(Debug, Clone)]
pub(crate) enum Submission {
    /// An order. One with a known natural key is not accepted again.
    Order(NewOrder),
    /// A scan of a known parcel, and its event. The same movement counts once.
    Scan(Scanned, Emitted),
    /// A scan of an unknown parcel, unchanged.
    UnknownParcel(Scanned, Bytes),
    /// An event that may come any number of times: its consumers recognise repetitions themselves.
    Event(Emitted),
    /// Nothing: asks whether a commit is possible now.
    Probe,
}

impl Submission {
    /// Returns the known order that the submission is about; `None` for a new order.
    pub(crate) fn about(&self) -> Option<Uuid> {
        match self {
            Submission::Scan(_, event) | Submission::Event(event) => {
                Uuid::try_parse(Subject::parse(&event.subject).id()).ok()
            }
            Submission::Order(_) | Submission::UnknownParcel(..) | Submission::Probe => None,
        }
    }
}
