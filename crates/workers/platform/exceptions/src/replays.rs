//! Bulk replays: a fixed set of cases, replayed by a plan.

mod actions;
pub(crate) mod advance;
mod bulk_replay;
mod error;
mod plan;
mod queries;
mod requests;
mod store;

pub use actions::ReplayActions;
pub use bulk_replay::{
    BulkReplay, DryRun, ReplayCounts, ReplayFailure, ReplayHistoryEntry, ReplayItem, ReplayState,
    SkippedCases,
};
pub use error::ReplayError;
pub use plan::{InvalidPlan, ReplayPlan};
pub use queries::ReplayQueries;
pub use requests::{BulkReplayRequest, CreateBulkReplayRequest};
