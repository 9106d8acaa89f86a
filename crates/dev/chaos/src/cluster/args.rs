//! The command line of `chaos cluster`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::fault::Fault;

/// Let every kind of server of a cluster fail while orders flow, and measure how long nothing is completed
#[derive(Debug, Args)]
pub(crate) struct ClusterArgs {
    /// Inject only these faults, separated by commas
    #[arg(long, value_delimiter = ',', value_name = "FAULT", value_parser = Fault::parse)]
    pub(crate) only: Vec<Fault>,
    /// Inject all but these faults
    #[arg(long, value_delimiter = ',', value_name = "FAULT", value_parser = Fault::parse)]
    pub(crate) except: Vec<Fault>,
    /// Print the names of all faults and do nothing
    #[arg(long)]
    pub(crate) list: bool,
    /// Undo a server's failure as soon as labels are made in spite of it, in place of after a time. Measures nothing
    #[arg(long)]
    pub(crate) until_flowing: bool,
    /// How long a server is stopped or swallows packets
    #[arg(long, default_value = "120", value_name = "SECONDS", value_parser = seconds)]
    pub(crate) lasts: Duration,
    /// After how long the harness, which stands in for a cluster manager, gives a primary up
    #[arg(long, default_value = "5", value_name = "SECONDS", value_parser = seconds)]
    pub(crate) promote_after: Duration,
    /// Place this many orders a second
    #[arg(long, default_value_t = 4, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(crate) rate: u32,
    /// Keep the data, whether or not something is wrong
    #[arg(long)]
    pub(crate) keep: bool,
    /// Keep the run's data in DIR, which must not exist yet [default: a temporary directory]. It is removed unless
    /// something is wrong
    #[arg(long, value_name = "DIR")]
    pub(crate) data_dir: Option<PathBuf>,
}

fn seconds(value: &str) -> Result<Duration, std::num::ParseFloatError> {
    value.parse().map(|seconds: f64| Duration::from_secs_f64(seconds.max(0.0)))
}
