//! Decisions about bulk replays.

use despatch_contracts::exception::{
    BulkReplayDecided, CancelBulkReplay, CreateBulkReplay, PauseBulkReplay, ResumeBulkReplay, StartBulkReplay,
};
use despatch_runtime::{AskError, AskHandler, Outbox, Worker};

use super::filter::filter;
use crate::replays::{BulkReplayRequest, CreateBulkReplayRequest, ReplayActions, ReplayError, ReplayPlan};

/// Registers the decisions about bulk replays.
pub(super) fn register(worker: Worker) -> Worker {
    worker.ask(Create).ask(Start).ask(Pause).ask(Resume).ask(Cancel)
}

impl From<ReplayError> for AskError {
    fn from(error: ReplayError) -> Self {
        AskError::new(error.code(), error.to_string())
    }
}

struct Create;

impl AskHandler for Create {
    type Ask = CreateBulkReplay;

    async fn answer(&self, ask: CreateBulkReplay, outbox: &Outbox) -> Result<BulkReplayDecided, AskError> {
        let CreateBulkReplay { filter: asked, canary, per_second, stop_above, by } = ask;
        let plan = ReplayPlan { canary, per_second, stop_above };
        let request = CreateBulkReplayRequest { filter: filter(asked)?, plan, actor: by };
        let created = ReplayActions::new(outbox.database().clone()).create(&request).await?;
        Ok(BulkReplayDecided { bulk_replay_id: created.id })
    }
}

/// Declares the handlers of requests that name a bulk replay and no more.
macro_rules! decides {
    ($($handler:ident: $ask:ident => $action:ident;)+) => {$(
        struct $handler;

        impl AskHandler for $handler {
            type Ask = $ask;

            async fn answer(&self, ask: $ask, outbox: &Outbox) -> Result<BulkReplayDecided, AskError> {
                let request = BulkReplayRequest { id: ask.bulk_replay_id, actor: ask.by };
                let decided = ReplayActions::new(outbox.database().clone()).$action(&request).await?;
                Ok(BulkReplayDecided { bulk_replay_id: decided.id })
            }
        }
    )+};
}

decides! {
    Start: StartBulkReplay => start;
    Pause: PauseBulkReplay => pause;
    Resume: ResumeBulkReplay => resume;
    Cancel: CancelBulkReplay => cancel;
}
