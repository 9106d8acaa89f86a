//! The command line of `despatch stock expected`.

use clap::{Args, Subcommand};
use jiff::Timestamp;

use super::gateway::GatewayArgs;
use super::stock_request::{FileArgs, RequestArgs};
use super::time::due;

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct ExpectedArgs {
    #[command(subcommand)]
    pub(crate) command: Option<ExpectedCommand>,
    #[command(flatten)]
    pub(crate) list: ListExpectedArgs,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ExpectedCommand {
    /// Announce a delivery, or change its due time, its supplier or its rows.
    ///
    /// The file has the columns sku, location and quantity. A quantity is that of the whole delivery; 0 takes a row off. The
    /// rest stays as it is.
    Set(Box<SetExpectedArgs>),
    /// Say that nothing more of a delivery comes. A difference becomes a case of purchasing.
    Close(EndExpectedArgs),
    /// Cancel what has not arrived of a delivery.
    Cancel(EndExpectedArgs),
    /// Show what was announced of a delivery, and what came.
    Show(ShowExpectedArgs),
    /// List the deliveries that are expected, the earliest due time first.
    #[command(alias = "ls")]
    List(ListExpectedArgs),
}

#[derive(Debug, Args)]
pub(crate) struct SetExpectedArgs {
    /// The delivery's name, e.g. the number of the purchase order.
    pub(crate) delivery: String,
    /// The article.
    #[arg(requires = "quantity", conflicts_with = "from")]
    pub(crate) sku: Option<String>,
    /// All units of the delivery; 0 takes the row off.
    #[arg(value_parser = clap::value_parser!(i64).range(0..))]
    pub(crate) quantity: Option<i64>,
    /// The location; of a file, that of rows without one.
    #[arg(long, value_name = "ID", required_unless_present_any = ["from", "due", "supplier", "contact"])]
    pub(crate) location: Option<String>,
    /// When it should be here, e.g. 2026-12-03, 2026-12-03T14:00, or 5d from now. A date is the end of that day.
    #[arg(long, value_name = "TIME", value_parser = due)]
    pub(crate) due: Option<Timestamp>,
    /// The supplier's name.
    #[arg(long, value_name = "NAME")]
    pub(crate) supplier: Option<String>,
    /// The supplier's e-mail address, which is reminded once the delivery is overdue; empty for none.
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) contact: Option<String>,
    #[command(flatten)]
    pub(crate) file: FileArgs,
    #[command(flatten)]
    pub(crate) request: RequestArgs,
}

#[derive(Debug, Args)]
pub(crate) struct EndExpectedArgs {
    /// The delivery.
    pub(crate) delivery: String,
    #[command(flatten)]
    pub(crate) request: RequestArgs,
}

#[derive(Debug, Args)]
pub(crate) struct ShowExpectedArgs {
    /// The delivery.
    pub(crate) delivery: String,
    #[command(flatten)]
    pub(crate) gateway: GatewayArgs,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ListExpectedArgs {
    /// Also those that are over.
    #[arg(long)]
    pub(crate) all: bool,
    /// List at most this many.
    #[arg(long, default_value_t = 50, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(crate) limit: u32,
    /// Continue an earlier list.
    #[arg(long, value_name = "PLACE")]
    pub(crate) after: Option<String>,
    #[command(flatten)]
    pub(crate) gateway: GatewayArgs,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}
