//! The command line.

use std::path::PathBuf;

use clap::{Parser, Subcommand};

use crate::cluster::{ClusterArgs, ConsumersArgs};
use crate::fault::Kind;

/// Break everything at random while orders flow, then check that nothing is lost and nothing happened twice
#[derive(Debug, Parser)]
#[allow(clippy::struct_excessive_bools, reason = "each is a flag")]
#[command(name = "chaos", args_conflicts_with_subcommands = true)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) of: Option<Of>,
    /// Draw the run with this seed: the same seed gives the same faults, targets and pauses
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// Inject this many faults
    #[arg(long, default_value_t = 200, value_name = "N")]
    pub(crate) faults: usize,
    /// Place this many orders, spread over the faults
    #[arg(long, default_value_t = 2000, value_name = "N")]
    pub(crate) orders: usize,
    /// Inject only these kinds of fault, separated by commas; the schedule skips the others
    #[arg(long, value_delimiter = ',', value_name = "KIND")]
    pub(crate) only: Vec<Kind>,
    /// Inject all but these kinds
    #[arg(long, value_delimiter = ',', value_name = "KIND")]
    pub(crate) except: Vec<Kind>,
    /// Let the providers answer without faults
    #[arg(long)]
    pub(crate) good_providers: bool,
    /// Instead of faults at random, take each provider out of service, one after the other, with moved time
    #[arg(long)]
    pub(crate) outages: bool,
    /// Let a Shopify shop place one order in four, and change or cancel it afterwards
    #[arg(long)]
    pub(crate) editing_shop: bool,
    /// Let a stock keeper receive, count, correct and transfer units: a request for every five orders
    #[arg(long)]
    pub(crate) stock_keeper: bool,
    /// Print the schedule and do nothing
    #[arg(long)]
    pub(crate) plan: bool,
    /// Keep the data, whether or not something is wrong
    #[arg(long)]
    pub(crate) keep: bool,
    /// Keep the run's data in DIR, which must not exist yet [default: a temporary directory]. It is removed unless
    /// something is wrong
    #[arg(long, value_name = "DIR")]
    pub(crate) data_dir: Option<PathBuf>,
}

/// Other deployments that can be broken.
#[derive(Debug, Subcommand)]
pub(crate) enum Of {
    Cluster(ClusterArgs),
    Consumers(ConsumersArgs),
}
