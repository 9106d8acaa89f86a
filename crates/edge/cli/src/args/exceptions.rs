//! The command line of `despatch exceptions`.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use despatch_domain::Priority;
use despatch_exceptions::Cursor;
use uuid::Uuid;

use super::filter::{FilterArgs, named};

#[derive(Debug, Subcommand)]
pub(crate) enum ExceptionsCommand {
    /// List cases, the most urgent first.
    List(ListArgs),
    /// Show a case: what happened, what to do, and its history.
    Show {
        #[command(flatten)]
        case: CaseArgs,
        /// Print JSON.
        #[arg(long, conflicts_with = "contents")]
        json: bool,
        /// Print only the event, as `edit` takes it.
        #[arg(long)]
        contents: bool,
    },
    /// Claim an open case.
    Claim(DecisionArgs),
    /// Release a claimed case.
    Release(DecisionArgs),
    /// Add to a case's history.
    Note {
        #[command(flatten)]
        decision: DecisionArgs,
        /// What there is to say.
        text: String,
    },
    /// Change a case's priority.
    Priority {
        #[command(flatten)]
        decision: DecisionArgs,
        /// low, normal, high or urgent.
        #[arg(value_parser = priority)]
        priority: Priority,
        /// Why.
        #[arg(long)]
        reason: String,
    },
    /// Replay the event, after the cause of its failure was fixed.
    Replay(DecisionArgs),
    /// Replay the event as you edited it; start from what `show --contents` prints.
    Edit {
        #[command(flatten)]
        decision: DecisionArgs,
        /// The edited document; - for standard input.
        #[arg(long, value_name = "FILE")]
        from: PathBuf,
        /// Why.
        #[arg(long)]
        reason: String,
        /// Apply the change [default: print what would change].
        #[arg(long)]
        yes: bool,
    },
    /// Cancel the case's order: refund the payment, release the stock, notify the customer.
    CancelOrder {
        #[command(flatten)]
        decision: DecisionArgs,
        /// Why.
        #[arg(long)]
        reason: String,
    },
    /// Resolve a case without handling its event.
    Discard {
        #[command(flatten)]
        decision: DecisionArgs,
        /// Why.
        #[arg(long)]
        reason: String,
    },
    /// Undo a discard.
    Undo(DecisionArgs),
}

#[derive(Debug, Args)]
pub(crate) struct CaseArgs {
    /// The handler that failed, e.g. labels.create.
    pub(crate) handler: String,
    /// The event's id.
    pub(crate) event: Uuid,
}

#[derive(Debug, Args)]
pub(crate) struct DecisionArgs {
    #[command(flatten)]
    pub(crate) case: CaseArgs,
    /// Who decides; kept in the history.
    #[arg(long, env = "USER", value_name = "WHO")]
    pub(crate) by: String,
}

#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    #[command(flatten)]
    pub(crate) filter: FilterArgs,
    /// How many at most.
    #[arg(long, default_value_t = 50, value_name = "N")]
    pub(crate) limit: u32,
    /// Go on after an earlier list: its `next`.
    #[arg(long, value_name = "NEXT")]
    pub(crate) after: Option<Cursor>,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

fn priority(name: &str) -> Result<Priority, String> {
    named(Priority::parse(name), Priority::ALL.iter().map(|priority| priority.name()))
}
