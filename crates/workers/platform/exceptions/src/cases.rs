//! Cases: events that failed for good, until they are resolved.

mod actions;
mod case;
mod case_group;
mod case_ref;
mod cause;
pub(crate) mod close_cancelled;
mod decide;
mod decision;
mod ends_with_order;
mod error;
pub(crate) mod filter;
mod key;
pub(crate) mod open;
pub(crate) mod outages;
pub(crate) mod priority;
mod queries;
mod requests;
pub(crate) mod resolve;
pub(crate) mod search;
mod store;
mod triage;

pub use actions::CaseActions;
pub use case::{Case, CaseId, CaseState, FailedAttempt, HistoryEntry, QueueCounts};
pub use case_group::{CaseCounts, CaseGroup};
pub use case_ref::{CaseRef, InvalidCaseRef};
pub use error::CaseError;
pub use filter::{CaseFilter, Cursor};
pub use queries::{CaseDetails, CaseQueries, EditableEvent};
pub use requests::{
    CancelOrderRequest, CaseRequest, DiscardRequest, EditRequest, NoteRequest, PriorityRequest,
};
