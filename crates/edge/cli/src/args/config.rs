//! `despatch config`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

#[derive(Debug, Args)]
pub(crate) struct ConfigArgs {
    #[command(subcommand)]
    pub(crate) command: Option<ConfigCommand>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Print every key with its default and what it means.
    Show {
        /// Print the values that apply, each with where it comes from; secrets are masked.
        #[arg(long)]
        effective: bool,
    },
    /// Check a configuration: everything that is wrong with the file and the environment, each with its line.
    Check(CheckArgs),
}

#[derive(Debug, Args)]
pub(crate) struct CheckArgs {
    /// The file, by default that of --config.
    pub(crate) file: Option<PathBuf>,
    /// Ask for everything that `despatch run NAME` needs, too; can be repeated.
    #[arg(long = "worker", value_name = "NAME")]
    pub(crate) workers: Vec<String>,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}
