//! The command line of `despatch exceptions`.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use despatch_exceptions::Cursor;

use super::case::{ByArgs, CaseAndWord, CaseArgs, WaitArgs};
use super::filter::FilterArgs;
use super::orders::RefundArgs;

#[derive(Debug, Subcommand)]
pub(crate) enum ExceptionsCommand {
    /// List cases, the most urgent first.
    List(Box<ListArgs>),
    /// Show a case: what happened, what to do next, and its history.
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
    /// List the reasons for which events fail, and what each means.
    Reasons {
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Claim an open case.
    Claim(DecisionArgs),
    /// Release a claimed case.
    Release(DecisionArgs),
    /// Add a note to a case's history.
    #[command(override_usage = "despatch exceptions note [OPTIONS] <CASE> <TEXT>")]
    Note {
        #[command(flatten)]
        case: CaseAndWord,
        #[command(flatten)]
        by: ByArgs,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Change a case's priority.
    #[command(override_usage = "despatch exceptions priority [OPTIONS] --reason <REASON> <CASE> <PRIORITY>")]
    Priority {
        #[command(flatten)]
        case: CaseAndWord,
        #[command(flatten)]
        by: ByArgs,
        /// Why.
        #[arg(long)]
        reason: String,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Replay the event, after the cause of its failure was fixed.
    Replay {
        #[command(flatten)]
        decision: DecisionArgs,
        #[command(flatten)]
        wait: WaitArgs,
    },
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
        #[command(flatten)]
        wait: WaitArgs,
    },
    /// Refund a part of the payment of the case's order, and note it in the case's history.
    #[command(override_usage = "despatch exceptions refund [OPTIONS] --reason <TEXT> <CASE>")]
    Refund {
        #[command(flatten)]
        decision: DecisionArgs,
        #[command(flatten)]
        refund: Box<RefundArgs>,
    },
    /// Cancel the case's order: refund the payment, release the stock, notify the customer.
    CancelOrder {
        #[command(flatten)]
        decision: DecisionArgs,
        /// Why.
        #[arg(long)]
        reason: String,
        #[command(flatten)]
        wait: WaitArgs,
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
pub(crate) struct DecisionArgs {
    #[command(flatten)]
    pub(crate) case: CaseArgs,
    #[command(flatten)]
    pub(crate) by: ByArgs,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    #[command(flatten)]
    pub(crate) filter: FilterArgs,
    /// Group the cases by their cause: the reason, the handler, and the error without numbers, ids and quoted texts.
    #[arg(long, conflicts_with = "after")]
    pub(crate) group: bool,
    /// How many at most.
    #[arg(long, default_value_t = 50, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) limit: u32,
    /// Go on after an earlier list: its `next`.
    #[arg(long, value_name = "NEXT")]
    pub(crate) after: Option<Cursor>,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}
