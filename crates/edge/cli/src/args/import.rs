//! The command line of `despatch import`.

use std::path::PathBuf;

use clap::Args;

use super::gateway::GatewayArgs;

#[derive(Debug, Args)]
pub(crate) struct ImportArgs {
    /// A .csv in the form of data/superstore.csv, or JSON lines.
    pub(crate) file: PathBuf,
    /// Place only the first N orders.
    #[arg(long, value_name = "N")]
    pub(crate) orders: Option<usize>,
    /// Book the units that these orders want as received, once for each order.
    #[cfg(feature = "local")]
    #[arg(long)]
    pub(crate) stock: bool,
    #[command(flatten)]
    pub(crate) gateway: GatewayArgs,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}
