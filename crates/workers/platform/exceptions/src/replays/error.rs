//! Why an action on a bulk replay was refused.

use despatch_runtime::DbError;

use super::bulk_replay::ReplayState;
use super::plan::InvalidPlan;
use crate::required::MissingText;

/// Why an action on a bulk replay was refused. Nothing of a refused action is kept. Its message is for people, its
/// [`code`](ReplayError::code) for programs.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// There is no bulk replay of this number.
    #[error("bulk replay {0}: no such bulk replay")]
    Unknown(i64),
    /// The bulk replay's state does not allow the action.
    #[error("bulk replay {id}: {requirement}, but it is {}", .state.name())]
    WrongState {
        /// Its number.
        id: i64,
        /// Which states allow the action.
        requirement: &'static str,
        /// Its state.
        state: ReplayState,
    },
    /// The filter finds no case.
    #[error("no case matches the filter: {0}")]
    NoCases(String),
    /// The plan cannot be carried out.
    #[error(transparent)]
    InvalidPlan(#[from] InvalidPlan),
    /// The request lacks a text.
    #[error(transparent)]
    MissingText(#[from] MissingText),
    /// The database failed; the same request can be made again.
    #[error(transparent)]
    Database(#[from] DbError),
}

impl ReplayError {
    /// A code that stays the same whatever the message says.
    pub const fn code(&self) -> &'static str {
        match self {
            ReplayError::Unknown(_) => "unknown-bulk-replay",
            ReplayError::WrongState { .. } => "wrong-state",
            ReplayError::NoCases(_) => "no-cases",
            ReplayError::InvalidPlan(_) => "invalid-plan",
            ReplayError::MissingText(_) => "missing-text",
            ReplayError::Database(_) => "database",
        }
    }
}
