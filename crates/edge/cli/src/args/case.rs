//! How commands name a case and the person who decides about it.

use clap::Args;
use despatch_exceptions::{CaseRef, InvalidCaseRef};

use crate::result::{Result, hinted};

/// Which case.
#[derive(Debug, Args)]
pub(crate) struct CaseArgs {
    /// The case: its number, its event's id or the beginning of that, or HANDLER EVENT-ID.
    #[arg(required = true, num_args = 1..=2, value_name = "CASE")]
    words: Vec<String>,
}

impl CaseArgs {
    /// The case that is meant.
    pub(crate) fn reference(&self) -> Result<CaseRef, InvalidCaseRef> {
        CaseRef::parse(&self.words)
    }
}

/// Which case, and one more word.
#[derive(Debug, Args)]
pub(crate) struct CaseAndWord {
    /// The case, as in `exceptions show`, and then the note or the priority.
    #[arg(required = true, num_args = 2..=3)]
    words: Vec<String>,
}

impl CaseAndWord {
    /// The case that is meant.
    pub(crate) fn reference(&self) -> Result<CaseRef, InvalidCaseRef> {
        CaseRef::parse(self.words.split_last().map_or(&[][..], |(_, case)| case))
    }

    /// The word after the case.
    pub(crate) fn word(&self) -> &str {
        self.words.last().map_or("", String::as_str)
    }
}

/// The person who decides.
#[derive(Debug, Args)]
pub(crate) struct ByArgs {
    /// The person who decides; kept in the history [default: $USER, then the account's name].
    #[arg(long, env = "USER", hide_env = true, value_name = "WHO")]
    by: Option<String>,
}

impl ByArgs {
    /// The person. Fails where neither the environment nor the system knows one.
    pub(crate) fn person(&self) -> Result<String> {
        let given = self.by.clone().filter(|by| !by.trim().is_empty());
        if let Some(by) = given.or_else(|| whoami::username().ok()).filter(|by| !by.trim().is_empty()) {
            return Ok(by);
        }
        Err(hinted(
            "a decision needs a person: neither --by nor $USER is set, and this account has no name",
            "--by NAME, or export USER=NAME",
        ))
    }
}

/// How long a decision's outcome is waited for.
#[derive(Debug, Args)]
pub(crate) struct WaitArgs {
    /// Do not wait for the outcome.
    #[arg(long)]
    pub(crate) no_wait: bool,
    /// Wait at most so many seconds for the outcome.
    #[arg(long, default_value_t = 30, value_name = "SECONDS", conflicts_with = "no_wait")]
    pub(crate) timeout: u64,
}
