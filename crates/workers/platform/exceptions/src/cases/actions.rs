//! The actions that people take on cases. Each action takes one request and returns the case after it.

use std::time::Duration;

use bytes::Bytes;
use despatch_contracts::order::OrderCancelRequested;
use despatch_contracts::runtime::{Envelope, Replay};
use despatch_contracts::{json, subject_of};
use despatch_runtime::{Database, DbError, set_timer};
use tokio_postgres::GenericClient;

use super::case::{Case, CaseId};
use super::decision::Decision;
use super::error::CaseError;
use super::requests::{
    CancelOrderRequest, CaseRequest, DiscardRequest, EditRequest, NoteRequest, PriorityRequest,
};
use super::{decide, store};
use crate::required::required;
use crate::schema::NAME;

/// Acts on cases in the exceptions worker's database.
#[derive(Debug, Clone)]
pub struct CaseActions {
    db: Database,
}

impl CaseActions {
    /// Acts in the exceptions worker's database.
    pub fn new(db: Database) -> Self {
        CaseActions { db }
    }

    /// Claims an open case, so that no two people work on it.
    pub async fn claim(&self, request: &CaseRequest) -> Result<Case, CaseError> {
        self.decide(&request.case, &request.actor, Decision::Claim).await
    }

    /// Puts a claimed case back. Any person may, because the one who claimed it may be away.
    pub async fn release(&self, request: &CaseRequest) -> Result<Case, CaseError> {
        self.decide(&request.case, &request.actor, Decision::Release).await
    }

    /// Adds a note to the history.
    pub async fn note(&self, request: &NoteRequest) -> Result<Case, CaseError> {
        self.decide(&request.case, &request.actor, Decision::Note { text: &request.text }).await
    }

    /// Sets the priority, which later failures then leave as it is.
    pub async fn set_priority(&self, request: &PriorityRequest) -> Result<Case, CaseError> {
        let decision = Decision::SetPriority { priority: request.priority, reason: &request.reason };
        self.decide(&request.case, &request.actor, decision).await
    }

    /// Replays the event as it arrived, to the handler that failed. The same transaction writes the history and a timer,
    /// so the replay is published even if no process of the worker runs now. Each failure allows one replay: an event
    /// that failed again can be replayed again, an event that was handled cannot.
    pub async fn replay(&self, request: &CaseRequest) -> Result<Case, CaseError> {
        self.replay_with(&request.case, &request.actor, Decision::Replay, |_| Ok(None)).await
    }

    /// Replays the event as a person edited it. It keeps its id and takes the next generation, like any replay, so of
    /// several edits and replays of one failure only the first is accepted. The old payload is kept.
    pub async fn edit_and_replay(&self, request: &EditRequest) -> Result<Case, CaseError> {
        let EditRequest { case, actor, generation, contents, reason } = request;
        let decision = Decision::EditAndReplay { generation: *generation, reason };
        self.replay_with(case, actor, decision, |event| edited_payload(event, contents).map(Some)).await
    }

    /// Resolves a case without handling its event. A case that another person claimed must be released first.
    pub async fn discard(&self, request: &DiscardRequest) -> Result<Case, CaseError> {
        self.decide(&request.case, &request.actor, Decision::Discard { reason: &request.reason }).await
    }

    /// Undoes a discard.
    pub async fn undo_discard(&self, request: &CaseRequest) -> Result<Case, CaseError> {
        self.decide(&request.case, &request.actor, Decision::UndoDiscard).await
    }

    /// Requests the cancellation of the case's order, as its customer could: payments are refunded, stock is released,
    /// the customer is notified. The case is resolved once the order is cancelled. An order with a parcel on its way is
    /// not cancelled; its timeline then has the refusal. For an order that was never accepted there is only the discard.
    pub async fn cancel_order(&self, request: &CancelOrderRequest) -> Result<Case, CaseError> {
        let CancelOrderRequest { case: id, actor, reason } = request;
        let mut client = self.db.client().await?;
        let tx = client.transaction().await.map_err(DbError::from)?;
        let case = apply(&*tx, id, actor, &Decision::CancelOrder { reason }).await?;
        let order_id = case.order_id().ok_or(CaseError::NoOrder(case.number))?;
        let key = format!("cancel/{order_id}");
        let requested = OrderCancelRequested {
            order_id: order_id.to_owned(),
            reason: reason.clone(),
            requested_by: "operator".to_owned(),
            by: actor.clone(),
        };
        set_timer(&tx, NAME, &key, Duration::ZERO, &requested).await?;
        tx.commit().await.map_err(DbError::from)?;
        Ok(case)
    }

    async fn decide(&self, id: &CaseId, actor: &str, decision: Decision<'_>) -> Result<Case, CaseError> {
        apply(&**self.db.client().await?, id, actor, &decision).await
    }

    /// Applies a decision to replay; `edited` gives the payload to replace the event's.
    async fn replay_with(
        &self,
        id: &CaseId,
        actor: &str,
        decision: Decision<'_>,
        edited: impl FnOnce(&Envelope) -> Result<Option<Bytes>, CaseError>,
    ) -> Result<Case, CaseError> {
        let mut client = self.db.client().await?;
        let tx = client.transaction().await.map_err(DbError::from)?;
        let case = apply(&*tx, id, actor, &decision).await?;
        let letter = store::letter(&*tx, id).await?.ok_or_else(|| CaseError::Unknown(id.clone()))?;
        let event = letter.event.filter(|_| letter.replayable);
        let mut event = event.ok_or(CaseError::NoEvent(case.number))?;
        if let Some(payload) = edited(&event)? {
            decide::keep_edit(&*tx, id, &event.payload, &payload).await?;
            event.payload = payload;
        }
        let replay =
            Replay { handler: letter.handler, generation: letter.generation + 1, event: Some(event) };
        set_timer(&tx, NAME, &format!("replay/{id}"), Duration::ZERO, &replay).await?;
        tx.commit().await.map_err(DbError::from)?;
        Ok(case)
    }
}

/// Applies a decision, or says why it is refused.
async fn apply(
    db: &impl GenericClient,
    id: &CaseId,
    actor: &str,
    decision: &Decision<'_>,
) -> Result<Case, CaseError> {
    required("actor", actor)?;
    decision.check()?;
    match decide::apply(db, id, actor, decision).await? {
        Some(case) => Ok(case),
        None => Err(refusal(db, id, decision).await?),
    }
}

/// Why the case does not allow a decision.
async fn refusal(
    db: &impl GenericClient,
    id: &CaseId,
    decision: &Decision<'_>,
) -> Result<CaseError, DbError> {
    Ok(match store::find(db, id).await? {
        None => CaseError::Unknown(id.clone()),
        Some(case) if matches!(decision, Decision::CancelOrder { .. }) && !case.has_accepted_order() => {
            CaseError::NoOrder(case.number)
        }
        Some(Case { number, state, claimed_by, .. }) => {
            CaseError::WrongState { number, requirement: decision.requirement(), state, claimed_by }
        }
    })
}

/// The payload of an edited event, if it is one of the event's type and about the same subject.
fn edited_payload(event: &Envelope, contents: &str) -> Result<Bytes, CaseError> {
    let event_type = event.event_type();
    let payload = json::from_json(event_type, contents);
    let payload = payload.map_err(|error| CaseError::InvalidEdit(error.to_string()))?;
    let subject = subject_of(event_type, payload.clone());
    let subject = subject.map_err(|error| CaseError::InvalidEdit(error.to_string()))?;
    if subject != event.subject {
        let found = format!("expected an event about {}, found one about {subject:?}", event.subject);
        return Err(CaseError::InvalidEdit(found));
    }
    Ok(payload)
}
