//! `despatch stock`, `despatch items` and `despatch locations`.

use std::process::ExitCode;

use super::{items, locations, stock};
use crate::args::GoodsCommand;
use crate::config::Config;
use crate::local::DataDir;
use crate::result::Result;

/// Runs the command. `quiet` shows no progress.
pub(crate) async fn run(
    config: &Config,
    data_dir: &DataDir,
    command: GoodsCommand,
    quiet: bool,
) -> Result<ExitCode> {
    match command {
        GoodsCommand::Stock(command) => stock::run(config, data_dir, command, quiet).await,
        GoodsCommand::Items(command) => items::run(config, data_dir, command, quiet).await,
        GoodsCommand::Locations(command) => locations::run(config, data_dir, command, quiet).await,
    }
}
