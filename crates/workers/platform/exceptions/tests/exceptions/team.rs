//! The people who work on cases.

use std::collections::BTreeMap;

use despatch_contracts::json::Change;
use despatch_domain::Priority;
use despatch_exceptions::{
    BulkReplay, BulkReplayRequest, CancelOrderRequest, Case, CaseActions, CaseError, CaseFilter, CaseId,
    CaseQueries, CaseRequest, CreateBulkReplayRequest, Cursor, DiscardRequest, EditRequest, EditableEvent,
    FailedAttempt, HistoryEntry, NoteRequest, PriorityRequest, ReplayActions, ReplayError, ReplayPlan,
    ReplayQueries,
};
use despatch_runtime::Database;
use despatch_testkit::TestEnv;

/// Requests in one line each.
pub(crate) struct Team {
    actions: CaseActions,
    pub(crate) cases: CaseQueries,
    replay_actions: ReplayActions,
    pub(crate) replays: ReplayQueries,
}

impl Team {
    /// A team that shares this many connections.
    pub(crate) fn of(env: &TestEnv, connections: usize) -> Self {
        let db = Database::new(&env.settings().database_url, connections).expect("a URL");
        Team {
            actions: CaseActions::new(db.clone()),
            cases: CaseQueries::new(db.clone()),
            replay_actions: ReplayActions::new(db.clone()),
            replays: ReplayQueries::new(db),
        }
    }

    pub(crate) async fn show(&self, id: &CaseId) -> Result<(Case, Vec<HistoryEntry>), CaseError> {
        self.cases.show(id).await.map(|details| (details.case, details.history))
    }

    pub(crate) async fn attempts(&self, id: &CaseId) -> Vec<FailedAttempt> {
        self.cases.show(id).await.unwrap().attempts
    }

    pub(crate) async fn edits(&self, id: &CaseId) -> BTreeMap<i32, Vec<Change>> {
        self.cases.show(id).await.unwrap().edits
    }

    pub(crate) async fn event(&self, id: &CaseId) -> Result<EditableEvent, CaseError> {
        self.cases.event(id).await
    }

    pub(crate) async fn list(&self, filter: &CaseFilter, after: Option<&Cursor>, limit: u32) -> Vec<Case> {
        self.cases.list(filter, after, limit).await.unwrap()
    }

    pub(crate) async fn claim(&self, id: &CaseId, actor: &str) -> Result<Case, CaseError> {
        self.actions.claim(&request(id, actor)).await
    }

    pub(crate) async fn release(&self, id: &CaseId, actor: &str) -> Result<Case, CaseError> {
        self.actions.release(&request(id, actor)).await
    }

    pub(crate) async fn note(&self, id: &CaseId, actor: &str, text: &str) -> Result<Case, CaseError> {
        let CaseRequest { case, actor } = request(id, actor);
        self.actions.note(&NoteRequest { case, actor, text: text.to_owned() }).await
    }

    pub(crate) async fn set_priority(
        &self,
        id: &CaseId,
        actor: &str,
        priority: Priority,
        reason: &str,
    ) -> Result<Case, CaseError> {
        let CaseRequest { case, actor } = request(id, actor);
        self.actions.set_priority(&PriorityRequest { case, actor, priority, reason: reason.to_owned() }).await
    }

    pub(crate) async fn replay(&self, id: &CaseId, actor: &str) -> Result<Case, CaseError> {
        self.actions.replay(&request(id, actor)).await
    }

    pub(crate) async fn edit_and_replay(&self, request: &EditRequest) -> Result<Case, CaseError> {
        self.actions.edit_and_replay(request).await
    }

    pub(crate) async fn discard(&self, id: &CaseId, actor: &str, reason: &str) -> Result<Case, CaseError> {
        let CaseRequest { case, actor } = request(id, actor);
        self.actions.discard(&DiscardRequest { case, actor, reason: reason.to_owned() }).await
    }

    pub(crate) async fn undo_discard(&self, id: &CaseId, actor: &str) -> Result<Case, CaseError> {
        self.actions.undo_discard(&request(id, actor)).await
    }

    pub(crate) async fn cancel_order(
        &self,
        id: &CaseId,
        actor: &str,
        reason: &str,
    ) -> Result<Case, CaseError> {
        let CaseRequest { case, actor } = request(id, actor);
        self.actions.cancel_order(&CancelOrderRequest { case, actor, reason: reason.to_owned() }).await
    }

    /// Creates a bulk replay of every unresolved case.
    pub(crate) async fn create(&self, plan: &ReplayPlan, actor: &str) -> Result<BulkReplay, ReplayError> {
        let filter = CaseFilter::default();
        let request = CreateBulkReplayRequest { filter, plan: plan.clone(), actor: actor.to_owned() };
        self.replay_actions.create(&request).await
    }

    pub(crate) async fn start(&self, id: i64, actor: &str) -> Result<BulkReplay, ReplayError> {
        self.replay_actions.start(&of_bulk_replay(id, actor)).await
    }

    pub(crate) async fn pause(&self, id: i64, actor: &str) -> Result<BulkReplay, ReplayError> {
        self.replay_actions.pause(&of_bulk_replay(id, actor)).await
    }

    pub(crate) async fn resume(&self, id: i64, actor: &str) -> Result<BulkReplay, ReplayError> {
        self.replay_actions.resume(&of_bulk_replay(id, actor)).await
    }

    pub(crate) async fn cancel(&self, id: i64, actor: &str) -> Result<BulkReplay, ReplayError> {
        self.replay_actions.cancel(&of_bulk_replay(id, actor)).await
    }
}

fn request(id: &CaseId, actor: &str) -> CaseRequest {
    CaseRequest { case: id.clone(), actor: actor.to_owned() }
}

fn of_bulk_replay(id: i64, actor: &str) -> BulkReplayRequest {
    BulkReplayRequest { id, actor: actor.to_owned() }
}
