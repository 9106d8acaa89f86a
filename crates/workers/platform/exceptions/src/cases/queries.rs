//! Reads cases for people.

use std::collections::BTreeMap;

use despatch_contracts::Subject;
use despatch_contracts::json::{self, Change};
use despatch_runtime::Database;
use serde::Serialize;
use serde_json::Value;

use super::case::{Case, CaseId, FailedAttempt, HistoryEntry, QueueCounts};
use super::case_group::{CaseCounts, CaseGroup};
use super::case_ref::CaseRef;
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
    /// The changes of edits, by the number of the edit's history entry.
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

    /// The one case that a person means. A number comes before the beginning of an id.
    pub async fn find(&self, given: &CaseRef) -> Result<Case, CaseError> {
        let client = self.db.client().await?;
        if let Some(number) = given.number()
            && let Some(case) = store::of_number(&**client, number).await?
        {
            return Ok(case);
        }
        let mut found = match given.event_ids() {
            Some(ids) => store::of_event_ids(&**client, ids, given.handler.as_deref()).await?,
            None => Vec::new(),
        };
        match found.pop() {
            None => Err(CaseError::NotFound(given.to_string())),
            Some(case) if found.is_empty() => Ok(case),
            Some(case) => {
                found.push(case);
                Err(CaseError::Ambiguous { given: given.to_string(), found })
            }
        }
    }

    /// The cases that a filter matches in groups of one cause, the largest first; at most `limit` groups.
    pub async fn groups(&self, filter: &CaseFilter, limit: u32) -> Result<Vec<CaseGroup>, CaseError> {
        Ok(search::groups(&**self.db.client().await?, filter, i64::from(limit)).await?)
    }

    /// How many cases a filter matches, and how many of them are past their due time.
    pub async fn counts(&self, filter: &CaseFilter) -> Result<CaseCounts, CaseError> {
        Ok(search::counts(&**self.db.client().await?, filter).await?)
    }

    /// The cases that were opened after the one of this number, by number: at most `limit`.
    pub async fn opened_after(&self, number: i64, limit: u32) -> Result<Vec<Case>, CaseError> {
        Ok(store::opened_after(&**self.db.client().await?, number, i64::from(limit)).await?)
    }

    /// The highest number of a case; 0 when there is none.
    pub async fn last_number(&self) -> Result<i64, CaseError> {
        Ok(store::last_number(&**self.db.client().await?).await?)
    }

    /// Every case about an order, resolved ones too, by number. `order_id` is despatch's own id.
    pub async fn of_order(&self, order_id: &str) -> Result<Vec<Case>, CaseError> {
        Ok(store::of_subject(&**self.db.client().await?, Subject::order(order_id)).await?)
    }

    /// Despatch's own id of the order that a shop knows as `shop_order_id`, if a case carries that order. So an order that
    /// was never accepted is found by its case.
    pub async fn find_order(&self, shop: &str, shop_order_id: &str) -> Result<Option<String>, CaseError> {
        let subject = store::subject_of(&**self.db.client().await?, shop, shop_order_id).await?;
        Ok(subject.and_then(|subject| Subject::parse(&subject).order_id().map(str::to_owned)))
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
        let number = store::find(&**client, id).await?.ok_or_else(|| CaseError::Unknown(id.clone()))?.number;
        let letter = store::letter(&**client, id).await?.ok_or(CaseError::NoEvent(number))?;
        let generation = i32::try_from(letter.generation).unwrap_or(i32::MAX);
        // Input that the gateway refused has no type to decode it by.
        let event = letter.event.filter(|event| !event.event_type().is_empty());
        let event = event.ok_or(CaseError::NoEvent(number))?;
        let contents = json::to_json(event.event_type(), event.payload.clone());
        let contents =
            contents.map_err(|error| CaseError::UnreadableEvent { number, cause: error.to_string() })?;
        Ok(EditableEvent { generation, contents })
    }

    /// The unresolved cases of each queue that has any.
    pub async fn queue_counts(&self) -> Result<Vec<QueueCounts>, CaseError> {
        Ok(store::queue_counts(&**self.db.client().await?).await?)
    }
}
