//! The decisions that people make about a case.

use std::borrow::Cow;

use despatch_domain::Priority;

use crate::required::{MissingText, required};

/// A decision. `decide` says which states of the case allow it, and the changes that it makes.
#[derive(Debug)]
pub(super) enum Decision<'a> {
    Claim,
    Release,
    Note { text: &'a str },
    SetPriority { priority: Priority, reason: &'a str },
    Replay,
    EditAndReplay { generation: i32, reason: &'a str },
    Discard { reason: &'a str },
    UndoDiscard,
    CancelOrder { reason: &'a str },
}

impl Decision<'_> {
    /// Its kind in the history.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Decision::Claim => "claimed",
            Decision::Release => "released",
            Decision::Note { .. } => "noted",
            Decision::SetPriority { .. } => "prioritised",
            Decision::Replay => "replayed",
            Decision::EditAndReplay { .. } => "edited",
            Decision::Discard { .. } => "discarded",
            Decision::UndoDiscard => "reopened",
            Decision::CancelOrder { .. } => "cancel-requested",
        }
    }

    /// Its detail in the history.
    pub(super) fn detail(&self) -> Cow<'_, str> {
        match self {
            Decision::Claim | Decision::Release | Decision::Replay | Decision::UndoDiscard => "".into(),
            Decision::Note { text } => (*text).into(),
            Decision::SetPriority { priority, reason } => format!("{}: {reason}", priority.name()).into(),
            Decision::EditAndReplay { reason, .. }
            | Decision::Discard { reason }
            | Decision::CancelOrder { reason } => (*reason).into(),
        }
    }

    /// Which cases allow it, for a person whose case does not.
    pub(super) fn requirement(&self) -> &'static str {
        match self {
            Decision::Claim => "only an open case can be claimed",
            Decision::Release => "only a claimed case can be released",
            Decision::Note { .. } => "every case takes a note",
            Decision::SetPriority { .. } => "only an unresolved case has a priority",
            Decision::Replay | Decision::EditAndReplay { .. } => {
                "only an open case, or one that you claimed, can be replayed, once for each failure"
            }
            Decision::Discard { .. } => "only an open case, or one that you claimed, can be discarded",
            Decision::UndoDiscard => "only a discard can be undone",
            Decision::CancelOrder { .. } => {
                "only from an open case, or one that you claimed, can its order be cancelled"
            }
        }
    }

    /// Checks that it says what it must.
    pub(super) fn check(&self) -> Result<(), MissingText> {
        match self {
            Decision::Claim | Decision::Release | Decision::Replay | Decision::UndoDiscard => Ok(()),
            Decision::Note { text } => required("text", text),
            Decision::SetPriority { reason, .. }
            | Decision::EditAndReplay { reason, .. }
            | Decision::Discard { reason }
            | Decision::CancelOrder { reason } => required("reason", reason),
        }
    }
}
