//! `despatch config`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

#[derive(Debug, Args)]
pub(crate) struct ConfigArgs {
    /// Print JSON, without comments.
    #[arg(long)]
    pub(crate) json: bool,
    #[command(subcommand)]
    pub(crate) command: Option<ConfigCommand>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Print every key with its default and its meaning.
    Show {
        /// Print the values that apply, and the origin of each; secrets are masked.
        #[arg(long)]
        effective: bool,
        /// Print JSON, without comments.
        #[arg(long, conflicts_with = "effective")]
        json: bool,
    },
    /// Check a configuration file and the environment.
    ///
    /// Prints every problem with its line and key. Ends with status 1 when there is one.
    Check(CheckArgs),
}

#[derive(Debug, Args)]
pub(crate) struct CheckArgs {
    /// The file [default: that of --config].
    pub(crate) file: Option<PathBuf>,
    /// Require what `despatch run NAME` needs; can be repeated.
    #[arg(long = "worker", value_name = "NAME")]
    pub(crate) workers: Vec<String>,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}
