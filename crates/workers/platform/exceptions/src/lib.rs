//! The exceptions worker: each dead letter becomes a case that a team owns, with a queue, a priority and a due time. A
//! case lives until it is resolved, through as many failures as that takes, and keeps its whole history.
//!
//! The rooms, each of which knows only those before it:
//!
//! - `alerts` tells operators of overdue queues, new reasons and sudden rises.
//! - `cases` opens, resolves and searches cases, and records what people decide about them: [`CaseActions`] decides,
//!   [`CaseQueries`] reads.
//! - `replays` replays many cases by a plan: [`ReplayActions`] decides, [`ReplayQueries`] reads.
//! - `asks` takes people's decisions from NATS to these actions.

mod alerts;
mod asks;
mod cases;
mod config;
mod replays;
mod required;
mod retention;
mod schema;
mod worker;

pub use cases::{
    CancelOrderRequest, Case, CaseActions, CaseCounts, CaseDetails, CaseError, CaseFilter, CaseGroup, CaseId,
    CaseQueries, CaseRef, CaseRequest, CaseState, Cursor, DiscardRequest, EditRequest, EditableEvent,
    FailedAttempt, HistoryEntry, InvalidCaseRef, NoteRequest, PriorityRequest, QueueCounts,
};
pub use config::{Config, ConfigError};
pub use replays::{
    BulkReplay, BulkReplayRequest, CreateBulkReplayRequest, DryRun, InvalidPlan, ReplayActions, ReplayCounts,
    ReplayError, ReplayFailure, ReplayHistoryEntry, ReplayItem, ReplayPlan, ReplayQueries, ReplayState,
    SkippedCases,
};
pub use required::MissingText;
pub use schema::NAME;
pub use worker::worker;
