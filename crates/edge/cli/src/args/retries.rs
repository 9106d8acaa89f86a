//! The command line of `despatch retries`.

use clap::{Args, Subcommand};

use super::case::ByArgs;

#[derive(Debug, Subcommand)]
pub(crate) enum RetriesCommand {
    /// List retries, the next first.
    List {
        /// Only this worker's.
        #[arg(long)]
        worker: Option<String>,
        /// Only this handler's, e.g. labels.create.
        #[arg(long)]
        handler: Option<String>,
        /// How many at most, of each worker.
        #[arg(long, default_value_t = 50, value_name = "N")]
        limit: u32,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Retry waiting events now, for instance after a provider recovers.
    RunNow {
        #[command(flatten)]
        which: RetryArgs,
        /// Apply the change [default: with a filter, print how many events it matches].
        #[arg(long)]
        yes: bool,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Cancel retries: each event becomes a case.
    Cancel {
        #[command(flatten)]
        which: RetryArgs,
        #[command(flatten)]
        by: ByArgs,
        /// Why.
        #[arg(long)]
        reason: String,
        /// Apply the change [default: with a filter, print how many events it matches].
        #[arg(long)]
        yes: bool,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
}

/// Which retries.
#[derive(Debug, Args)]
pub(crate) struct RetryArgs {
    /// Only this event: its id, or the beginning of that.
    #[arg(value_name = "EVENT")]
    pub(crate) event: Option<String>,
    /// Only this worker's.
    #[arg(long)]
    pub(crate) worker: Option<String>,
    /// Only this handler's, e.g. labels.create.
    #[arg(long)]
    pub(crate) handler: Option<String>,
}
