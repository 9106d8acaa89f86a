//! The command line of `despatch replays`.

use clap::{Args, Subcommand};

use super::case::{ByArgs, WaitArgs};
use super::filter::FilterArgs;

#[derive(Debug, Subcommand)]
pub(crate) enum ReplaysCommand {
    /// Create a replay of the cases that a filter finds now. Nothing is replayed yet.
    Create(Box<CreateReplayArgs>),
    /// List the latest replays.
    List {
        /// How many at most.
        #[arg(long, default_value_t = 20, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
        limit: u32,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Show a replay: how far it is, and what was decided about it.
    Show {
        /// The replay's number.
        replay: i64,
        /// List its cases too, each with its result.
        #[arg(long)]
        items: bool,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Show what would be replayed now, and what would be skipped and why.
    DryRun {
        /// The replay's number.
        replay: i64,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Start a replay, and wait for what comes of it.
    Start {
        #[command(flatten)]
        replay: ReplayArgs,
        /// Start it [default: print what would be replayed].
        #[arg(long)]
        yes: bool,
        #[command(flatten)]
        wait: WaitArgs,
    },
    /// Pause a replay; what is in flight ends by itself.
    Pause(ReplayArgs),
    /// Resume a replay that was paused or stopped by itself, from the beginning of its canary.
    Resume {
        #[command(flatten)]
        replay: ReplayArgs,
        #[command(flatten)]
        wait: WaitArgs,
    },
    /// Cancel a replay; what is in flight ends by itself.
    Cancel(ReplayArgs),
}

#[derive(Debug, Args)]
pub(crate) struct CreateReplayArgs {
    #[command(flatten)]
    pub(crate) filter: FilterArgs,
    /// Replay, and wait for, so many first, then so many; then all the rest.
    #[arg(long, value_delimiter = ',', default_value = "1,10,100", value_name = "N,N…")]
    pub(crate) canary: Vec<u32>,
    /// How many to replay in a second at most.
    #[arg(long, default_value_t = 50.0, value_name = "RATE")]
    pub(crate) per_second: f64,
    /// Stop when more than this share of a step fails again.
    #[arg(long, default_value_t = 0.1, value_name = "SHARE")]
    pub(crate) stop_above: f64,
    #[command(flatten)]
    pub(crate) by: ByArgs,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ReplayArgs {
    /// The replay's number.
    pub(crate) replay: i64,
    #[command(flatten)]
    pub(crate) by: ByArgs,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}
