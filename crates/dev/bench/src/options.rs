//! The options that every command takes.

use std::path::PathBuf;

/// The number of runs, the place of the data, and the output format.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Print one JSON object and nothing else
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Measure each figure N times
    #[arg(long, global = true, default_value_t = 3, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) runs: u32,
    /// Keep the servers' data in DIR [default: a temporary directory, removed afterwards]
    #[arg(long, global = true, value_name = "DIR")]
    pub(crate) data_dir: Option<PathBuf>,
}
