//! The parts that all commands about stock have: the file of their rows, the person, the reason.

use std::path::PathBuf;

use clap::Args;

use super::case::{ByArgs, WaitArgs};
use super::gateway::GatewayArgs;

/// Rows of a file.
#[derive(Debug, Args)]
pub(crate) struct FileArgs {
    /// Read the rows of this CSV file; `-` is standard input.
    #[arg(long, value_name = "FILE")]
    pub(crate) from: Option<PathBuf>,
    /// Write the refused rows to this file, to correct and send them.
    #[arg(long, value_name = "FILE", requires = "from")]
    pub(crate) refused: Option<PathBuf>,
}

/// A request: the person, the reason, where it is sent.
#[derive(Debug, Args)]
pub(crate) struct RequestArgs {
    /// Why, in words, for the ledger.
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    pub(crate) note: String,
    /// Your id of the request. The same id again asks for nothing more.
    #[arg(long, value_name = "ID")]
    pub(crate) request_id: Option<String>,
    #[command(flatten)]
    pub(crate) by: ByArgs,
    #[command(flatten)]
    pub(crate) wait: WaitArgs,
    #[command(flatten)]
    pub(crate) gateway: GatewayArgs,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}
