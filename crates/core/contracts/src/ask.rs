//! Asks: operators' requests to workers, over `ask.<worker>.<verb>`, outside of the stream. One of the worker's
//! processes answers, or none does.

use crate::{exception, runtime};

/// A request that a worker answers.
pub trait Ask: prost::Message + Default + 'static {
    /// The last part of its subject, e.g. `retry-now`.
    const VERB: &'static str;
    /// The type of the answer.
    type Reply: prost::Message + Default + 'static;
}

/// Returns the subject of a request, without the deployment's namespace.
pub fn ask_subject(worker: &str, verb: &str) -> String {
    format!("ask.{worker}.{verb}")
}

macro_rules! asks {
    ($($request:ty => $verb:literal -> $reply:ty;)+) => {
        $(impl Ask for $request {
            const VERB: &'static str = $verb;
            type Reply = $reply;
        })+
    };
}

asks! {
    runtime::RetryNow => "retry-now" -> runtime::Changed;
    runtime::CancelRetries => "cancel-retries" -> runtime::Changed;
    runtime::Report => "report" -> runtime::ProcessReport;
    exception::ClaimCase => "claim" -> exception::CaseDecided;
    exception::ReleaseCase => "release" -> exception::CaseDecided;
    exception::NoteOnCase => "note" -> exception::CaseDecided;
    exception::SetCasePriority => "set-priority" -> exception::CaseDecided;
    exception::ReplayCase => "replay" -> exception::CaseDecided;
    exception::EditAndReplayCase => "edit-and-replay" -> exception::CaseDecided;
    exception::DiscardCase => "discard" -> exception::CaseDecided;
    exception::UndoDiscard => "undo-discard" -> exception::CaseDecided;
    exception::CancelOrderOfCase => "cancel-order" -> exception::CaseDecided;
    exception::CreateBulkReplay => "create-bulk-replay" -> exception::BulkReplayDecided;
    exception::StartBulkReplay => "start-bulk-replay" -> exception::BulkReplayDecided;
    exception::PauseBulkReplay => "pause-bulk-replay" -> exception::BulkReplayDecided;
    exception::ResumeBulkReplay => "resume-bulk-replay" -> exception::BulkReplayDecided;
    exception::CancelBulkReplay => "cancel-bulk-replay" -> exception::BulkReplayDecided;
}
