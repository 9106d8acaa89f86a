//! What people read of cases.

use std::collections::BTreeMap;

use despatch_contracts::json::{self, Change};
use despatch_runtime::Database;
use serde::Serialize;
use serde_json::Value;

use super::case::{Case, CaseId, FailedAttempt, HistoryEntry, QueueCounts};
use super::error::CaseError;
use super::filter::{CaseFilter, Cursor};
use super::{decide, search, store};

/// Reads cases in the exceptions worker's database.
#[derive(Debug, Clone)]
pub struct CaseQueries {
    db: Database,
}

/// A case with everything that happened to it.
#[derive(Debug, Clone, PartialEq)]
pub struct CaseDetails {
    /// The case.
    pub case: Case,
    /// The failed attempts at its event, oldest first; of very many, the latest.
    pub attempts: Vec<FailedAttempt>,
    /// Its history, oldest entry first.
    pub history: Vec<HistoryEntry>,
    /// What edits changed, by the number of the edit's history entry.
    pub edits: BTreeMap<i32, Vec<Change>>,
}

/// The event of a case in the form in which a person edits it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct EditableEvent {
    /// The generation that failed last.
    pub generation: i32,
    /// The whole event as protobuf's JSON.
    pub contents: Value,
}

impl CaseQueries {
    /// Reads from the exceptions worker's database.
    pub fn new(db: Database) -> Self {
        CaseQueries { db }
    }

    /// Cases by urgency and then by due time: at most `limit`, after `after`.
    pub async fn list(
        &self,
        filter: &CaseFilter,
        after: Option<&Cursor>,
        limit: u32,
    ) -> Result<Vec<Case>, CaseError> {
        Ok(search::list(&**self.db.client().await?, filter, after, i64::from(limit)).await?)
    }

    /// A case with everything that happened to it.
    pub async fn show(&self, id: &CaseId) -> Result<CaseDetails, CaseError> {
        let client = self.db.client().await?;
        let case = store::find(&**client, id).await?.ok_or_else(|| CaseError::Unknown(id.clone()))?;
        let failures = store::letter(&**client, id).await?.map(|letter| letter.failures).unwrap_or_default();
        let history = store::history(&**client, id).await?;
        let read = |payload| json::to_json(&case.event_type, payload).unwrap_or_default();
        let edits = decide::edits(&**client, id).await?;
        let edits = edits
            .into_iter()
            .map(|(seq, before, after)| (seq, json::changes(&read(before), &read(after))))
            .collect();
        let attempts = failures.into_iter().map(FailedAttempt::from).collect();
        Ok(CaseDetails { case, attempts, history, edits })
    }

    /// The event of a case, for an edit.
    pub async fn event(&self, id: &CaseId) -> Result<EditableEvent, CaseError> {
        let client = self.db.client().await?;
        let letter = store::letter(&**client, id).await?.ok_or_else(|| CaseError::Unknown(id.clone()))?;
        let generation = i32::try_from(letter.generation).unwrap_or(i32::MAX);
        // Input that the gateway refused has no type to decode it by.
        let event = letter.event.filter(|event| !event.event_type().is_empty());
        let event = event.ok_or_else(|| CaseError::NoEvent(id.clone()))?;
        let contents = json::to_json(event.event_type(), event.payload.clone());
        let contents = contents
            .map_err(|error| CaseError::UnreadableEvent { case: id.clone(), cause: error.to_string() })?;
        Ok(EditableEvent { generation, contents })
    }

    /// The unresolved cases of each queue that has any.
    pub async fn queue_counts(&self) -> Result<Vec<QueueCounts>, CaseError> {
        Ok(store::queue_counts(&**self.db.client().await?).await?)
    }
}
