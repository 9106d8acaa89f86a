//! People's requests about bulk replays: one plain value for each action of [`ReplayActions`](super::ReplayActions).

use super::plan::ReplayPlan;
use crate::cases::filter::CaseFilter;

/// Creates a bulk replay.
#[derive(Debug, Clone, PartialEq)]
pub struct CreateBulkReplayRequest {
    /// The cases to replay: those that match now.
    pub filter: CaseFilter,
    /// How to go through them.
    pub plan: ReplayPlan,
    /// The person who requests it.
    pub actor: String,
}

/// Starts, pauses, resumes or cancels a bulk replay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BulkReplayRequest {
    /// Its number.
    pub id: i64,
    /// The person who requests it.
    pub actor: String,
}
