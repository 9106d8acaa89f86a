//! A bulk replay: its state, its set of cases and its history.

use std::error::Error;

use jiff::Timestamp;
use serde::Serialize;
use tokio_postgres::types::{FromSql, Type};
use uuid::Uuid;

use super::plan::ReplayPlan;

/// The state of a bulk replay.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ReplayState {
    /// Its set is chosen; it has not been started.
    Created,
    /// It replays cases.
    Running,
    /// A person paused it.
    Paused,
    /// It stopped by itself, because too many cases failed again.
    Stopped,
    /// A person cancelled it. Replays in flight then still end with an outcome.
    Cancelled,
    /// Every case of the set has an outcome.
    Finished,
}

impl ReplayState {
    const ALL: [ReplayState; 6] = [
        ReplayState::Created,
        ReplayState::Running,
        ReplayState::Paused,
        ReplayState::Stopped,
        ReplayState::Cancelled,
        ReplayState::Finished,
    ];

    /// The name, as in tables and JSON.
    pub const fn name(self) -> &'static str {
        match self {
            ReplayState::Created => "created",
            ReplayState::Running => "running",
            ReplayState::Paused => "paused",
            ReplayState::Stopped => "stopped",
            ReplayState::Cancelled => "cancelled",
            ReplayState::Finished => "finished",
        }
    }
}

impl<'a> FromSql<'a> for ReplayState {
    fn from_sql(ty: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn Error + Sync + Send>> {
        let name = <&str>::from_sql(ty, raw)?;
        let state = ReplayState::ALL.into_iter().find(|state| state.name() == name);
        state.ok_or_else(|| format!("expected the state of a bulk replay, found {name:?}").into())
    }

    fn accepts(ty: &Type) -> bool {
        <&str as FromSql>::accepts(ty)
    }
}

/// A replay of many cases, and how far it is.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct BulkReplay {
    /// Its number, from 1.
    pub id: i64,
    /// The person who created it.
    pub created_by: String,
    /// The filter that chose its set, in words.
    pub filter: String,
    /// Its state.
    pub state: ReplayState,
    /// Why it stopped by itself; empty if it did not.
    pub stop_reason: String,
    /// How it goes through its set.
    #[serde(flatten)]
    pub plan: ReplayPlan,
    /// When its set was chosen.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// How many of its cases are in which state.
    #[serde(flatten)]
    pub counts: ReplayCounts,
}

/// How many cases of a bulk replay are in which state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct ReplayCounts {
    /// Not replayed yet.
    pub pending: i64,
    /// Replayed, without an outcome yet.
    pub sent: i64,
    /// Handled by the replay.
    pub succeeded: i64,
    /// Failed again.
    pub failed: i64,
    /// Not replayed, because the case had changed.
    pub skipped: i64,
    /// Not replayed, because the bulk replay was cancelled.
    pub cancelled: i64,
}

impl ReplayCounts {
    /// The size of the set.
    pub fn total(&self) -> i64 {
        let ReplayCounts { pending, sent, succeeded, failed, skipped, cancelled } = self;
        pending + sent + succeeded + failed + skipped + cancelled
    }
}

/// A case of a bulk replay's set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ReplayItem {
    /// Its place in the set, from 1.
    pub seq: i32,
    /// The case's number.
    pub number: i64,
    /// The case's handler.
    pub handler: String,
    /// The case's event.
    pub event_id: Uuid,
    /// `pending`, `sent`, `succeeded`, `failed`, `skipped` or `cancelled`.
    pub state: String,
    /// Why it was skipped, or the reason code of its new failure.
    pub result: String,
}

/// A case of a bulk replay that failed again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ReplayFailure {
    /// The case's number.
    pub number: i64,
    /// The reason code of its new failure.
    pub reason: String,
    /// The error text.
    pub error: String,
}

/// One entry of a bulk replay's history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ReplayHistoryEntry {
    /// When it was recorded.
    pub at: Timestamp,
    /// A person, or `exceptions.advance`.
    pub actor: String,
    /// `created`, `started`, `paused`, `resumed`, `stopped`, `cancelled` or `finished`.
    pub kind: String,
    /// Why, if that is known.
    pub detail: String,
}

/// The effect that a bulk replay would have on its pending cases now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DryRun {
    /// How many cases it would replay.
    pub replayed: i64,
    /// How many cases it would skip, by reason.
    pub skipped: Vec<SkippedCases>,
}

/// Cases that are skipped for the same reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SkippedCases {
    /// Why they are skipped.
    pub why: String,
    /// How many they are.
    pub count: i64,
}
