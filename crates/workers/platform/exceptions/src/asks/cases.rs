//! Decisions about single cases.

use despatch_contracts::exception::{
    CancelOrderOfCase, CaseDecided, CaseDecision, ClaimCase, DiscardCase, EditAndReplayCase, NoteOnCase,
    ReleaseCase, ReplayCase, SetCasePriority, UndoDiscard,
};
use despatch_domain::Priority;
use despatch_runtime::{AskError, AskHandler, Outbox, Worker};
use uuid::Uuid;

use super::filter::unknown;
use crate::cases::{
    CancelOrderRequest, CaseActions, CaseError, CaseId, CaseRequest, DiscardRequest, EditRequest,
    NoteRequest, PriorityRequest,
};

/// Registers the decisions about cases.
pub(super) fn register(worker: Worker) -> Worker {
    worker
        .ask(Claim)
        .ask(Release)
        .ask(Note)
        .ask(SetPriority)
        .ask(Replay)
        .ask(EditAndReplay)
        .ask(Discard)
        .ask(Undo)
        .ask(CancelOrder)
}

impl From<CaseError> for AskError {
    fn from(error: CaseError) -> Self {
        AskError::new(error.code(), error.to_string())
    }
}

/// The case and the person that a decision names.
fn request(decision: Option<CaseDecision>) -> Result<CaseRequest, AskError> {
    let CaseDecision { handler, event_id, by } = decision.unwrap_or_default();
    let event_id = Uuid::try_parse(&event_id).map_err(|_| {
        AskError::new("undecodable", format!("event_id: expected a UUID, found {event_id:?}"))
    })?;
    Ok(CaseRequest { case: CaseId { handler, event_id }, actor: by })
}

/// Declares the handler of each request: its name, what it is asked, and the action that it takes.
macro_rules! decides {
    ($($handler:ident: $ask:ident, |$actions:ident, $request:ident, $fields:ident| $act:expr;)+) => {$(
        struct $handler;

        impl AskHandler for $handler {
            type Ask = $ask;

            async fn answer(&self, mut $fields: $ask, outbox: &Outbox) -> Result<CaseDecided, AskError> {
                let $actions = CaseActions::new(outbox.database().clone());
                let $request = request($fields.decision.take())?;
                $act?;
                Ok(CaseDecided {})
            }
        }
    )+};
}

decides! {
    Claim: ClaimCase, |actions, request, ask| actions.claim(&request).await;
    Release: ReleaseCase, |actions, request, ask| actions.release(&request).await;
    Replay: ReplayCase, |actions, request, ask| actions.replay(&request).await;
    Undo: UndoDiscard, |actions, request, ask| actions.undo_discard(&request).await;
    Note: NoteOnCase, |actions, request, ask| {
        let CaseRequest { case, actor } = request;
        actions.note(&NoteRequest { case, actor, text: ask.text }).await
    };
    SetPriority: SetCasePriority, |actions, request, ask| {
        let CaseRequest { case, actor } = request;
        let SetCasePriority { priority, reason, .. } = ask;
        let priority = Priority::parse(&priority).ok_or_else(|| unknown("priority", &priority))?;
        actions.set_priority(&PriorityRequest { case, actor, priority, reason }).await
    };
    EditAndReplay: EditAndReplayCase, |actions, request, ask| {
        let CaseRequest { case, actor } = request;
        let EditAndReplayCase { generation, contents, reason, .. } = ask;
        actions.edit_and_replay(&EditRequest { case, actor, generation, contents, reason }).await
    };
    Discard: DiscardCase, |actions, request, ask| {
        let CaseRequest { case, actor } = request;
        actions.discard(&DiscardRequest { case, actor, reason: ask.reason }).await
    };
    CancelOrder: CancelOrderOfCase, |actions, request, ask| {
        let CaseRequest { case, actor } = request;
        actions.cancel_order(&CancelOrderRequest { case, actor, reason: ask.reason }).await
    };
}
