//! Why an action on a case was refused.

use despatch_runtime::DbError;

use super::case::{Case, CaseId, CaseState};
use crate::required::MissingText;

/// Why an action on a case was refused. Nothing of a refused action is kept. Its message is for people, its
/// [`code`](CaseError::code) for programs.
#[derive(Debug, thiserror::Error)]
pub enum CaseError {
    /// The event has no case: it never failed for good.
    #[error("{0}: no such case")]
    Unknown(CaseId),
    /// No case has this number, or an event whose id begins like this.
    #[error("{0}: no such case")]
    NotFound(String),
    /// Several cases' events have ids that begin like this.
    #[error("{given}: {} are meant by this; name one of them", numbers(.found))]
    Ambiguous {
        /// The text that a person gave.
        given: String,
        /// Some of the cases.
        found: Vec<Case>,
    },
    /// The case's state does not allow the action.
    #[error("case {number}: {requirement}, but the case is {}", in_words(*.state, .claimed_by.as_deref()))]
    WrongState {
        /// The case's number.
        number: i64,
        /// Which cases allow the action.
        requirement: &'static str,
        /// The case's state.
        state: CaseState,
        /// The person who claimed it.
        claimed_by: Option<String>,
    },
    /// There is no event to replay: the gateway refused it, or it was too large for its dead letter.
    #[error(
        "case {0}: the dead letter carries no event, so it cannot be replayed; the sender must submit it again"
    )]
    NoEvent(i64),
    /// The case's event belongs to no accepted order.
    #[error(
        "case {0}: the event belongs to no accepted order, so there is none to cancel; discard the case instead"
    )]
    NoOrder(i64),
    /// The event does not decode as its type, so it cannot be shown.
    #[error("case {number}: the event cannot be shown: {cause}")]
    UnreadableEvent {
        /// The case's number.
        number: i64,
        /// The part that does not decode.
        cause: String,
    },
    /// An edited event is no event of its type, or is about another subject.
    #[error("the edited event: {0}")]
    InvalidEdit(String),
    /// The request lacks a text.
    #[error(transparent)]
    MissingText(#[from] MissingText),
    /// The database failed; the same request can be made again.
    #[error(transparent)]
    Database(#[from] DbError),
}

impl CaseError {
    /// A code that stays the same whatever the message says.
    pub const fn code(&self) -> &'static str {
        match self {
            CaseError::Unknown(_) | CaseError::NotFound(_) => "unknown-case",
            CaseError::Ambiguous { .. } => "ambiguous-case",
            CaseError::WrongState { .. } => "wrong-state",
            CaseError::NoEvent(_) => "no-event",
            CaseError::NoOrder(_) => "no-order",
            CaseError::UnreadableEvent { .. } => "unreadable-event",
            CaseError::InvalidEdit(_) => "invalid-edit",
            CaseError::MissingText(_) => "missing-text",
            CaseError::Database(_) => "database",
        }
    }
}

fn in_words(state: CaseState, claimed_by: Option<&str>) -> String {
    match claimed_by {
        Some(person) => format!("{} by {person}", state.name()),
        None => state.name().to_owned(),
    }
}

/// The numbers of cases, each with its handler, because that is what tells cases of one event apart.
fn numbers(cases: &[Case]) -> String {
    let named: Vec<String> =
        cases.iter().map(|case| format!("case {} ({})", case.number, case.id.handler)).collect();
    named.join(", ")
}
