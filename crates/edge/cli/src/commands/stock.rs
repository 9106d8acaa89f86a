//! `despatch stock`: units received, corrected, counted, moved; how many there are, and why.
//!
//! The commands talk to the gateway alone, so a person who has its address and a key can work with stock from anywhere.

mod booked;
mod cells;
mod change;
mod expected;
mod explain;
mod ids;
mod input;
mod list;
mod receive;
mod report;
mod rest;
mod row_report;
mod send;
mod transfer;

use std::process::ExitCode;

use crate::args::StockCommand;
use crate::config::Config;
use crate::local::DataDir;
use crate::result::Result;

pub(super) use cells::{is_shortened, sku};
pub(super) use input::{Input, from_file};
pub(super) use report::Words;
pub(super) use send::{Again, CHUNK, Command, Sender};

/// Runs the subcommand. `quiet` shows no progress.
pub(crate) async fn run(
    config: &Config,
    data_dir: &DataDir,
    command: StockCommand,
    quiet: bool,
) -> Result<ExitCode> {
    match command {
        StockCommand::Receive(args) => receive::receive(config, data_dir, &args, quiet).await,
        StockCommand::Adjust(args) => change::adjust(config, data_dir, &args, quiet).await,
        StockCommand::Count(args) => change::count(config, data_dir, &args, quiet).await,
        StockCommand::Transfer(args) => transfer::transfer(config, data_dir, &args, quiet).await,
        StockCommand::Arrive(args) => transfer::arrive(config, data_dir, &args, quiet).await,
        StockCommand::Expected(args) => expected::run(config, data_dir, &args, quiet).await,
        StockCommand::Explain(args) => explain::explain(config, data_dir, &args).await,
        StockCommand::List(args) => list::list(config, data_dir, &args).await,
    }
}
