//! Cases: events that failed for good, until they are resolved.

mod actions;
mod case;
pub(crate) mod close_cancelled;
mod decide;
mod decision;
mod error;
pub(crate) mod filter;
mod key;
pub(crate) mod open;
mod queries;
mod requests;
pub(crate) mod resolve;
pub(crate) mod search;
mod store;

pub use actions::CaseActions;
pub use case::{Case, CaseId, CaseState, FailedAttempt, HistoryEntry, QueueCounts};
pub use error::CaseError;
pub use filter::{CaseFilter, Cursor};
pub use queries::{CaseDetails, CaseQueries, EditableEvent};
pub use requests::{
    CancelOrderRequest, CaseRequest, DiscardRequest, EditRequest, NoteRequest, PriorityRequest,
};
