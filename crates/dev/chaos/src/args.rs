//! The command line.

use std::path::PathBuf;

use clap::Parser;

use crate::fault::Kind;

/// Break everything at random while orders flow, then check that nothing is lost and nothing happened twice.
#[derive(Debug, Parser)]
#[command(name = "chaos")]
pub(crate) struct Args {
    /// Which of the possible runs this is: the same faults, targets and pauses for the same seed.
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// How many faults.
    #[arg(long, default_value_t = 200, value_name = "N")]
    pub(crate) faults: usize,
    /// How many orders, spread over the faults.
    #[arg(long, default_value_t = 2000, value_name = "N")]
    pub(crate) orders: usize,
    /// Only these kinds of fault, separated by commas; the schedule skips the others.
    #[arg(long, value_delimiter = ',', value_name = "KIND")]
    pub(crate) only: Vec<Kind>,
    /// All but these kinds.
    #[arg(long, value_delimiter = ',', value_name = "KIND")]
    pub(crate) except: Vec<Kind>,
    /// The providers behave.
    #[arg(long)]
    pub(crate) good_providers: bool,
    /// Print the schedule and do nothing.
    #[arg(long)]
    pub(crate) plan: bool,
    /// Keep the data, whether or not something is wrong.
    #[arg(long)]
    pub(crate) keep: bool,
    /// Where the run keeps its data, which must not exist yet; by default a temporary directory. Removed unless something
    /// is wrong.
    #[arg(long, value_name = "DIR")]
    pub(crate) data_dir: Option<PathBuf>,
}
