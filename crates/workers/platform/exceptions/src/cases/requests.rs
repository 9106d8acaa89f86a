//! People's requests about a case: one plain value for each action of [`CaseActions`](super::CaseActions).

use despatch_domain::Priority;

use super::case::CaseId;

/// Requests that need no more than the case: to claim, release or replay it, or to undo its discard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaseRequest {
    /// The case.
    pub case: CaseId,
    /// The person who requests it.
    pub actor: String,
}

/// Adds a note.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoteRequest {
    /// The case.
    pub case: CaseId,
    /// The person who requests it.
    pub actor: String,
    /// The note.
    pub text: String,
}

/// Sets the priority.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PriorityRequest {
    /// The case.
    pub case: CaseId,
    /// The person who requests it.
    pub actor: String,
    /// The new priority.
    pub priority: Priority,
    /// Why.
    pub reason: String,
}

/// Replays an edited event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EditRequest {
    /// The case.
    pub case: CaseId,
    /// The person who requests it.
    pub actor: String,
    /// The generation whose failure the edit fixes, as [`EditableEvent`](super::EditableEvent) gave it.
    pub generation: i32,
    /// The whole event as protobuf's JSON.
    pub contents: String,
    /// Why.
    pub reason: String,
}

/// Resolves the case without handling its event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DiscardRequest {
    /// The case.
    pub case: CaseId,
    /// The person who requests it.
    pub actor: String,
    /// Why.
    pub reason: String,
}

/// Requests the cancellation of the case's order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CancelOrderRequest {
    /// The case.
    pub case: CaseId,
    /// The person who requests it.
    pub actor: String,
    /// Why.
    pub reason: String,
}
